using Fairlead.Dns.Forward;
using Fairlead.Dns.Server;
using Fairlead.Kube.Health;

namespace Fairlead.Dns.Health;

/// <summary>Prometheus' text, under the names of CoreDNS' plugins (https://coredns.io/plugins/metrics/), so that its dashboards work.</summary>
internal static class DnsMetrics
{
    private const string Server = "server=\"dns\"";
    private const string Zone = Server + ",zone=\".\",view=\"\"";
    private const string Zones = Server + ",zones=\".\",view=\"\"";
    private static readonly string[] s_codes =
        ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE", "11", "12", "13", "14", "15"];

    internal static string Write(DnsStatus status)
    {
        QueryCounters sum = status.Sum();
        Serving? serving = status.Serving?.Current;
        Forwarder[] forwarders = [.. serving?.Blocks.SelectMany(block => block.Routes).Select(route => route.Forwarder) ?? []];
        var text = new PrometheusText();
        WriteRequests(text, sum);
        WriteResponses(text, sum);
        text.Metric("coredns_dns_request_duration_seconds", "histogram", "From a question to its response.");
        text.Histogram("coredns_dns_request_duration_seconds", Zone, LatencySnapshot.Of(QueryCounters.Bounds, sum.Times, sum.Seconds));
        Counter("coredns_cache_hits_total", "Questions answered from the cache.", Total(forwarder => forwarder.CacheHits), Zones);
        Counter("coredns_cache_misses_total", "Questions that the cache could not answer.", Total(forwarder => forwarder.CacheMisses), Zones);
        Counter("coredns_cache_prefetch_total", "Answers asked for anew before their end.", Total(forwarder => forwarder.Prefetches), Zones);
        Counter("coredns_cache_served_stale_total", "Answers given after their end.", Total(forwarder => forwarder.Stale), Zones);
        Gauge("coredns_cache_entries", "Answers in the cache.", forwarders.Sum(forwarder => forwarder.CacheCount));
        Counter("coredns_forward_requests_total", "Questions sent to other servers.", Total(forwarder => forwarder.Requests));
        Counter("coredns_forward_healthcheck_failures_total", "Probes of other servers that were not answered.", Total(forwarder => forwarder.FailedProbes));
        Counter("coredns_forward_max_concurrent_rejects_total", "Questions refused because too many were on their way.", Total(forwarder => forwarder.Rejected));
        Counter("fairlead_dns_limited_total", "Questions of clients outside of the cluster that the limits cut short.", sum.Limited);
        Gauge("fairlead_dns_services", "Services that have names.", serving?.Zone.Current.ServiceCount ?? 0);
        return text.ToString();

        long Total(Func<ForwardCounters, long> count) => forwarders.Sum(forwarder => count(forwarder.Counters));

        void Counter(string name, string help, long value, string labels = "")
        {
            text.Metric(name, "counter", help);
            text.Sample(name, labels, value);
        }

        void Gauge(string name, string help, long value)
        {
            text.Metric(name, "gauge", help);
            text.Sample(name, "", value);
        }
    }

    private static void WriteRequests(PrometheusText text, QueryCounters sum)
    {
        text.Metric("coredns_dns_requests_total", "counter", "Questions received.");
        for (int i = 0; i < sum.Requests.Length; i++)
        {
            int type = i % QueryCounters.TypeCount, group = i / QueryCounters.TypeCount;
            if (sum.Requests[i] > 0 || i == 0)
            {
                string name = type < QueryCounters.Types.Length ? QueryCounters.Types[type].ToString().ToUpperInvariant() : "other";
                text.Sample("coredns_dns_requests_total", $"family=\"{(group % 2) + 1}\",proto=\"{(group < 2 ? "udp" : "tcp")}\",{Server},type=\"{name}\",zone=\".\",view=\"\"", sum.Requests[i]);
            }
        }
    }

    private static void WriteResponses(PrometheusText text, QueryCounters sum)
    {
        text.Metric("coredns_dns_responses_total", "counter", "Responses, by code.");
        for (int code = 0; code < s_codes.Length; code++)
        {
            if (sum.Responses[code] > 0 || code is 0 or 2 or 3)
            {
                text.Sample("coredns_dns_responses_total", $"rcode=\"{s_codes[code]}\",{Zone}", sum.Responses[code]);
            }
        }
    }
}
