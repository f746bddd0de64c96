using System.Globalization;
using System.Text;
using Fairlead.Dns.Forward;
using Fairlead.Dns.Server;

namespace Fairlead.Dns.Health;

/// <summary>What the health server tells; written by the server, read by any thread.</summary>
public sealed class DnsStatus
{
    private readonly Lock _lock = new();
    private readonly List<QueryCounters> _handlers = [];
    private readonly QueryCounters _gone = new();
    private volatile bool _isReady;

    /// <summary>Every object that the API server has is answered for.</summary>
    public bool IsReady => _isReady;

    internal ZoneHolder? Zone { get; set; }

    internal Forwarder? Forwarder { get; set; }

    internal void SetReady() => _isReady = true;

    internal void Add(QueryCounters counters)
    {
        lock (_lock)
        {
            _handlers.Add(counters);
        }
    }

    /// <summary>A connection's counts outlive it.</summary>
    internal void Remove(QueryCounters counters)
    {
        lock (_lock)
        {
            _handlers.Remove(counters);
            _gone.Add(counters);
        }
    }

    /// <summary>Prometheus' text, under the names of CoreDNS' plugins (https://coredns.io/plugins/metrics/).</summary>
    internal string Metrics()
    {
        var sum = new QueryCounters();
        lock (_lock)
        {
            _handlers.ForEach(sum.Add);
            sum.Add(_gone);
        }
        var text = new StringBuilder();
        Counter("coredns_dns_requests_total", "Questions received.", "{server=\"dns\",zone=\".\"}", sum.Queries + sum.Refused);
        text.Append("# HELP coredns_dns_responses_total Responses at once, by code.\n# TYPE coredns_dns_responses_total counter\n");
        foreach ((string code, long count) in (ReadOnlySpan<(string, long)>)[("NOERROR", sum.Found), ("NXDOMAIN", sum.NoSuchName), ("SERVFAIL", sum.Failed), ("OTHER", sum.Refused)])
        {
            text.Append(CultureInfo.InvariantCulture, $"coredns_dns_responses_total{{rcode=\"{code}\",server=\"dns\",zone=\".\"}} {count}\n");
        }
        Counter("coredns_cache_hits_total", "Questions answered from the cache.", "", Forwarder?.Counters.CacheHits ?? 0);
        Counter("coredns_cache_misses_total", "Questions that the cache could not answer.", "", Forwarder?.Counters.CacheMisses ?? 0);
        Gauge("coredns_cache_entries", "Answers in the cache.", Forwarder?.CacheCount ?? 0);
        Counter("coredns_forward_requests_total", "Questions sent to other servers.", "", Forwarder?.Counters.Requests ?? 0);
        Counter("coredns_forward_max_concurrent_rejects_total", "Questions refused because too many were on their way.", "", Forwarder?.Counters.Rejected ?? 0);
        Gauge("fairlead_dns_services", "Services that have names.", Zone?.Current.ServiceCount ?? 0);
        return text.ToString();

        void Counter(string name, string help, string labels, long value) =>
            text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {help}\n# TYPE {name} counter\n{name}{labels} {value}\n");

        void Gauge(string name, string help, long value) =>
            text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}\n");
    }
}
