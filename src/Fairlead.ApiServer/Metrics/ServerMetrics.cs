using Fairlead.ApiServer.HTTP.Limits;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Security.Audit;
using Fairlead.ApiServer.Storage;
using Fairlead.ApiServer.Watch;
using Fairlead.Kube.Health;

namespace Fairlead.ApiServer.Metrics;

/// <summary>What /metrics tells, under kube-apiserver's names (Kubernetes Metrics Reference).</summary>
internal sealed class ServerMetrics(KindTable kinds, ObjectCache cache, IStore store, RequestLimits limits, AuditLog? audit)
{
    public RequestMetrics Requests { get; } = new();

    public WatchTerminations WatchTerminations { get; } = new();

    public string Write()
    {
        var text = new PrometheusText();
        Requests.Write(text);
        limits.Write(text);
        WatchTerminations.Write(text);
        audit?.Write(text);
        text.Metric("apiserver_storage_objects", "gauge", "Objects that are stored, by resource.");
        foreach (var kind in kinds.All.Where(kind => kind.IsStored))
            text.Sample("apiserver_storage_objects", $"resource=\"{kind.QualifiedPlural}\"", cache[kind].Objects.Count);
        text.Metric("fairlead_store_age_seconds", "gauge", "For how long it has not been certain that memory has all that is stored; 0 where no other server writes.");
        text.Sample("fairlead_store_age_seconds", "", store.Age.TotalSeconds);
        text.Process();
        return text.ToString();
    }
}
