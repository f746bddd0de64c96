using System.Globalization;
using System.Text;

namespace Fairlead.Proxy.Health;

/// <summary>The metrics in Prometheus' text format (version 0.0.4), under kube-proxy's names.</summary>
internal static class ProxyMetrics
{
    internal static string Text(ProxyStatus status)
    {
        var text = new StringBuilder();
        Histogram(text, "kubeproxy_network_programming_duration_seconds", "From the change of an endpoint to the kernel.", status.NetworkProgramming.Snapshot());
        Histogram(text, "kubeproxy_sync_proxy_rules_duration_seconds", "One round from changed keys to the kernel.", status.Sync.Snapshot());
        return text.ToString();
    }

    private static void Histogram(StringBuilder text, string name, string help, LatencySnapshot snapshot)
    {
        text.Append($"# HELP {name} {help}\n# TYPE {name} histogram\n");
        for (int index = 0; index < snapshot.Bounds.Count; index++)
        {
            text.Append(CultureInfo.InvariantCulture, $"{name}_bucket{{le=\"{snapshot.Bounds[index]}\"}} {snapshot.Counts[index]}\n");
        }
        text.Append(CultureInfo.InvariantCulture, $"{name}_bucket{{le=\"+Inf\"}} {snapshot.Count}\n{name}_sum {snapshot.SumSeconds}\n{name}_count {snapshot.Count}\n");
    }
}
