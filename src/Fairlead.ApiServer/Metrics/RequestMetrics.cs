using System.Collections.Concurrent;
using Fairlead.ApiServer.HTTP;
using Fairlead.ApiServer.Resources;
using Fairlead.Kube.Health;

namespace Fairlead.ApiServer.Metrics;

/// <summary>Counts requests as kube-apiserver does (Kubernetes Metrics Reference: apiserver_request_total and its kin).</summary>
internal sealed class RequestMetrics
{
    private readonly ConcurrentDictionary<Series, Counts> _series = new();

    /// <summary>What a request is counted as.</summary>
    private readonly record struct Series(string Verb, string Group, string Version, string Resource, string Subresource, string Scope)
    {
        public bool IsLong => Verb is "WATCH" or "CONNECT";

        public string Labels => $"group=\"{Group}\",resource=\"{Resource}\",scope=\"{Scope}\",subresource=\"{Subresource}\",verb=\"{Verb}\",version=\"{Version}\"";
    }

    /// <summary>The requests of one series.</summary>
    public sealed class Counts
    {
        internal LatencyHistogram Durations { get; } = new();

        internal ConcurrentDictionary<int, Count> Codes { get; } = new();

        internal bool IsLong { get; init; }

        /// <summary>Those that are open.</summary>
        internal int Open;

        /// <summary>Those that the server ended in self-defence: too many, or too slow.</summary>
        internal ConcurrentDictionary<int, Count> Terminations { get; } = new();
    }

    internal sealed class Count
    {
        public long Value;
    }

    /// <summary>Answers what <see cref="Ended"/> is to be told.</summary>
    public Counts Began(ApiRequest request)
    {
        var counts = _series.GetOrAdd(Of(request), static series => new Counts { IsLong = series.IsLong });
        Interlocked.Increment(ref counts.Open);
        return counts;
    }

    public static void Ended(Counts counts, int code, TimeSpan took)
    {
        Interlocked.Decrement(ref counts.Open);
        if (!counts.IsLong) counts.Durations.Observe(took);
        Interlocked.Increment(ref counts.Codes.GetOrAdd(code, static _ => new Count()).Value);
    }

    /// <summary>Beside <see cref="Ended"/>.</summary>
    public static void Terminated(Counts counts, int code) => Interlocked.Increment(ref counts.Terminations.GetOrAdd(code, static _ => new Count()).Value);

    public void Write(PrometheusText text)
    {
        text.Metric("apiserver_request_total", "counter", "Requests, by what they ask and the answer's code.");
        foreach (var (series, counts) in _series)
        {
            foreach (var (code, count) in counts.Codes) text.Sample("apiserver_request_total", $"code=\"{code}\",component=\"apiserver\",dry_run=\"\",{series.Labels}", Interlocked.Read(ref count.Value));
        }
        text.Metric("apiserver_request_duration_seconds", "histogram", "Seconds from a request's arrival to its answer's last byte.");
        foreach (var (series, counts) in _series.Where(pair => !pair.Key.IsLong)) text.Histogram("apiserver_request_duration_seconds", $"component=\"apiserver\",dry_run=\"\",{series.Labels}", counts.Durations.Snapshot());
        text.Metric("apiserver_longrunning_requests", "gauge", "Watches and streams that are open.");
        foreach (var (series, counts) in _series.Where(pair => pair.Key.IsLong)) text.Sample("apiserver_longrunning_requests", $"component=\"apiserver\",{series.Labels}", Volatile.Read(ref counts.Open));
        text.Metric("apiserver_request_terminations_total", "counter", "Requests that the server ended in self-defence.");
        foreach (var (series, counts) in _series)
        {
            foreach (var (code, count) in counts.Terminations) text.Sample("apiserver_request_terminations_total", $"code=\"{code}\",component=\"apiserver\",{series.Labels}", Interlocked.Read(ref count.Value));
        }
    }

    private static Series Of(ApiRequest request)
    {
        // A path that is no resource is any client's text: it is no label.
        if (request.Kind is not { } kind) return new Series(request.Verb is "get" or "head" ? "GET" : "POST", "", "", "", "", "");
        var scope = request.Name.Length > 0 ? "resource" : request.Namespace.Length > 0 ? "namespace" : "cluster";
        return new Series(VerbOf(request), kind.Group, kind.Version, kind.Plural, SubresourceOf(request, kind), scope);
    }

    private static string SubresourceOf(ApiRequest request, Kind kind)
    {
        if (request.Subresource.Length == 0) return "";
        return request.Subresource is "status" or "scale" || kind.Subresources.Any(one => one.Name == request.Subresource) ? request.Subresource : "other";
    }

    private static string VerbOf(ApiRequest request) => (request.Verb, request.Subresource) switch
    {
        (_, "exec" or "attach" or "portforward" or "proxy" or "log") => "CONNECT",
        ("get", _) => "GET",
        ("list", _) => "LIST",
        ("watch", _) => "WATCH",
        ("create", _) => "POST",
        ("update", _) => "PUT",
        ("patch", _) => "PATCH",
        ("delete", _) => "DELETE",
        ("deletecollection", _) => "DELETECOLLECTION",
        _ => "other",
    };
}
