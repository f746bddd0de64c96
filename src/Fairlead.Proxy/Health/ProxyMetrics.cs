using Fairlead.Kube.Health;

namespace Fairlead.Proxy.Health;

/// <summary>The metrics under kube-proxy's names.</summary>
internal static class ProxyMetrics
{
    internal static string Text(ProxyStatus status)
    {
        var text = new PrometheusText();
        Histogram(text, "kubeproxy_network_programming_duration_seconds", "From the change of an endpoint to the kernel.", status.NetworkProgramming);
        Histogram(text, "kubeproxy_sync_proxy_rules_duration_seconds", "One round from changed keys to the kernel.", status.Sync);
        const string Refusals = "kubeproxy_sync_proxy_rules_nftables_sync_failures_total";
        text.Metric(Refusals, "counter", "Services left out because the kernel refused them.");
        text.Sample(Refusals, "", status.Refusals);
        text.Process();
        return text.ToString();
    }

    private static void Histogram(PrometheusText text, string name, string help, LatencyHistogram latencies)
    {
        text.Metric(name, "histogram", help);
        text.Histogram(name, "", latencies.Snapshot());
    }
}
