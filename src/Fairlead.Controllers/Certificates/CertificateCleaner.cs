using Fairlead.Controllers.Cache;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using k8s.Models;

namespace Fairlead.Controllers.Certificates;

/// <summary>Deletes requests that have done their work.</summary>
internal sealed class CertificateCleaner : KeyedController<ObjectKey>
{
    private readonly Caches _caches;
    private readonly KubeClient _client;
    private readonly TimeProvider _time;

    public CertificateCleaner(ControllerContext context)
        : base("csrcleaner", workers: 1, context.Log("CertificateCleaner"), context.Time)
    {
        _caches = context.Caches;
        _client = context.Client;
        _time = context.Time;
        _caches.CertificateRequests.Changed += change => Queue.Add(change.Key);
    }

    protected override async Task SyncAsync(ObjectKey key, CancellationToken cancel)
    {
        if (!_caches.CertificateRequests.Items.TryGetValue(key, out var item)) return;
        var left = CleaningPlan.Due(item) - _time.GetUtcNow().UtcDateTime;
        if (left > TimeSpan.Zero) Queue.AddAfter(key, left);
        else await _client.DeleteAsync(ApiResources.CertificateSigningRequests, key, new V1DeleteOptions { Preconditions = new V1Preconditions { Uid = item.Meta.Uid } }, cancel);
    }
}
