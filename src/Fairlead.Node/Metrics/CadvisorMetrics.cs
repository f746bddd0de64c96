using Fairlead.Kube.Health;
using Fairlead.Node.Runtime.Usage;

namespace Fairlead.Node.Metrics;

/// <summary>kubelet's /metrics/cadvisor: cAdvisor's names and labels, of pods and of their containers; a pod's own lines have an empty container.</summary>
internal static class CadvisorMetrics
{
    private sealed record Line(string Labels, GroupUsage Usage, DateTimeOffset At, DateTimeOffset? Started);

    public static string Write(NodeSnapshot node, int processors, long memoryBytes)
    {
        var text = new PrometheusText();
        var lines = node.Pods.SelectMany(Lines).ToList();
        WriteProcessor(text, lines);
        WriteMemory(text, lines);
        Write(text, "container_threads", "gauge", "Number of threads running inside the container", lines.Where(line => line.Usage.Threads is not null), line => line.Usage.Threads!.Value);
        Write(text, "container_start_time_seconds", "gauge", "Start time of the container since unix epoch in seconds.", lines.Where(line => line.Started is not null), line => line.Started!.Value.ToUnixTimeSeconds());
        Write(text, "container_last_seen", "gauge", "Last time a container was seen by the exporter", lines, line => line.At.ToUnixTimeSeconds());
        WriteNetwork(text, node);
        text.Metric("machine_cpu_cores", "gauge", "Number of logical CPU cores.");
        text.Sample("machine_cpu_cores", "", processors);
        text.Metric("machine_memory_bytes", "gauge", "Amount of memory installed on the machine.");
        text.Sample("machine_memory_bytes", "", memoryBytes);
        return text.ToString();
    }

    private static void WriteProcessor(PrometheusText text, List<Line> lines)
    {
        text.Metric("container_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed in seconds.");
        foreach (var line in lines) text.Sample("container_cpu_usage_seconds_total", $"cpu=\"total\",{line.Labels}", line.Usage.Processor.TotalSeconds, line.At);
        Write(text, "container_cpu_user_seconds_total", "counter", "Cumulative user cpu time consumed in seconds.", lines, line => line.Usage.UserProcessor.TotalSeconds);
        Write(text, "container_cpu_system_seconds_total", "counter", "Cumulative system cpu time consumed in seconds.", lines, line => line.Usage.SystemProcessor.TotalSeconds);
        var limited = lines.Where(line => line.Usage.Periods > 0).ToList();
        Write(text, "container_cpu_cfs_periods_total", "counter", "Number of elapsed enforcement period intervals.", limited, line => line.Usage.Periods);
        Write(text, "container_cpu_cfs_throttled_periods_total", "counter", "Number of throttled period intervals.", limited, line => line.Usage.ThrottledPeriods);
        Write(text, "container_cpu_cfs_throttled_seconds_total", "counter", "Total time duration the container has been throttled.", limited, line => line.Usage.Throttled.TotalSeconds);
    }

    private static void WriteMemory(PrometheusText text, List<Line> lines)
    {
        Write(text, "container_memory_usage_bytes", "gauge", "Current memory usage in bytes, including all memory regardless of when it was accessed", lines, line => line.Usage.Memory);
        Write(text, "container_memory_working_set_bytes", "gauge", "Current working set in bytes.", lines, line => line.Usage.WorkingSet);
        Write(text, "container_memory_rss", "gauge", "Size of RSS in bytes.", lines, line => line.Usage.Resident);
        Write(text, "container_memory_cache", "gauge", "Number of bytes of page cache memory.", lines, line => line.Usage.PageCache);
        Write(text, "container_memory_swap", "gauge", "Container swap usage in bytes.", lines, line => line.Usage.Swap);
        Write(text, "container_spec_memory_limit_bytes", "gauge", "Memory limit for the container.", lines, line => line.Usage.MemoryLimit ?? 0);
    }

    private static void Write(PrometheusText text, string name, string type, string help, IEnumerable<Line> lines, Func<Line, double> value)
    {
        text.Metric(name, type, help);
        foreach (var line in lines) text.Sample(name, line.Labels, value(line), line.At);
    }

    private static void WriteNetwork(PrometheusText text, NodeSnapshot node)
    {
        Write("receive_bytes", "Cumulative count of bytes received", one => one.ReceivedBytes);
        Write("receive_packets", "Cumulative count of packets received", one => one.ReceivedPackets);
        Write("receive_errors", "Cumulative count of errors encountered while receiving", one => one.ReceiveErrors);
        Write("receive_packets_dropped", "Cumulative count of packets dropped while receiving", one => one.ReceiveDrops);
        Write("transmit_bytes", "Cumulative count of bytes transmitted", one => one.SentBytes);
        Write("transmit_packets", "Cumulative count of packets transmitted", one => one.SentPackets);
        Write("transmit_errors", "Cumulative count of errors encountered while transmitting", one => one.SendErrors);
        Write("transmit_packets_dropped", "Cumulative count of packets dropped while transmitting", one => one.SendDrops);

        void Write(string what, string help, Func<InterfaceUsage, double> value)
        {
            var name = $"container_network_{what}_total";
            text.Metric(name, "counter", help);
            foreach (var pod in node.Pods)
            {
                foreach (var one in pod.Usage.Interfaces)
                    text.Sample(name, $"container=\"\",id=\"{pod.Usage.Group}\",image=\"\",interface=\"{PrometheusText.Label(one.Name)}\",name=\"\",{pod.Labels}", value(one), pod.Usage.At);
            }
        }
    }

    private static IEnumerable<Line> Lines(PodSnapshot pod)
    {
        yield return new Line($"container=\"\",id=\"{pod.Usage.Group}\",image=\"\",name=\"\",{pod.Labels}", pod.Usage.Total, pod.Usage.At, null);
        foreach (var one in pod.Usage.Containers)
        {
            var container = one.Container;
            var image = PrometheusText.Label(container.ImageReference ?? container.Image);
            yield return new Line($"container=\"{container.Name}\",id=\"{one.Group}\",image=\"{image}\",name=\"{container.Id}\",{pod.Labels}", one.Usage, pod.Usage.At, container.StartedAt);
        }
    }
}
