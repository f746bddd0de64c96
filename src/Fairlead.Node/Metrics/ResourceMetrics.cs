using Fairlead.Kube.Health;
using Fairlead.Node.Runtime.Usage;

namespace Fairlead.Node.Metrics;

/// <summary>kubelet's /metrics/resource, from which metrics servers work (Kubernetes documentation: "Node metrics data", "Kubernetes Metrics Reference").</summary>
internal static class ResourceMetrics
{
    public static string Write(NodeSnapshot node)
    {
        var text = new PrometheusText();
        var containers = node.Pods.SelectMany(pod => pod.Usage.Containers.Select(container => (Pod: pod, Container: container))).ToList();
        text.Metric("node_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed by the node in core-seconds");
        text.Sample("node_cpu_usage_seconds_total", "", node.Usage.Processor.TotalSeconds, node.At);
        text.Metric("node_memory_working_set_bytes", "gauge", "Current working set of the node in bytes");
        text.Sample("node_memory_working_set_bytes", "", node.Usage.WorkingSet, node.At);
        text.Metric("node_swap_usage_bytes", "gauge", "Current swap usage of the node in bytes");
        text.Sample("node_swap_usage_bytes", "", node.Usage.Swap, node.At);
        OfContainers("container_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed by the container in core-seconds", usage => usage.Processor.TotalSeconds);
        OfContainers("container_memory_working_set_bytes", "gauge", "Current working set of the container in bytes", usage => usage.WorkingSet);
        OfContainers("container_swap_usage_bytes", "gauge", "Current amount of the container swap usage in bytes", usage => usage.Swap);
        text.Metric("container_start_time_seconds", "gauge", "Start time of the container since unix epoch in seconds");
        foreach (var (pod, container) in containers)
        {
            if (container.Container.StartedAt is { } started) text.Sample("container_start_time_seconds", Labels(pod, container), started.ToUnixTimeMilliseconds() / 1000.0);
        }
        OfPods("pod_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed by the pod in core-seconds", usage => usage.Processor.TotalSeconds);
        OfPods("pod_memory_working_set_bytes", "gauge", "Current working set of the pod in bytes", usage => usage.WorkingSet);
        OfPods("pod_swap_usage_bytes", "gauge", "Current amount of the pod swap usage in bytes", usage => usage.Swap);
        text.Metric("resource_scrape_error", "gauge", "1 if there was an error while getting container metrics, 0 otherwise");
        text.Sample("resource_scrape_error", "", 0);
        return text.ToString();

        void OfContainers(string name, string type, string help, Func<GroupUsage, double> value)
        {
            text.Metric(name, type, help);
            foreach (var (pod, container) in containers) text.Sample(name, Labels(pod, container), value(container.Usage), pod.Usage.At);
        }

        void OfPods(string name, string type, string help, Func<GroupUsage, double> value)
        {
            text.Metric(name, type, help);
            foreach (var pod in node.Pods) text.Sample(name, pod.Labels, value(pod.Usage.Total), pod.Usage.At);
        }
    }

    private static string Labels(PodSnapshot pod, ContainerUsage container) => $"container=\"{container.Container.Name}\",{pod.Labels}";
}
