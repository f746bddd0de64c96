using System.Text.Json;
using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Node.Metrics;

/// <summary>The kubelet API's metrics, over real containers.</summary>
public sealed class KubeletMetricsTests
{
    private static bool IsRunning(V1Pod? pod) => pod?.Status?.Phase == "Running" && pod.Status.Conditions.Any(c => c.Type == "Ready" && c.Status == "True");

    private static async Task<(NodeHarness Node, KubeletClient Kubelet, V1Pod Pod)> StartAsync()
    {
        var node = NodeHarness.Start();
        node.Run("a", pod => pod.Spec.Containers[0].ReadinessProbe = new V1Probe { Exec = new V1ExecAction { Command = ["/bin/true"] } }, "/bin/sh", "-c", "while :; do :; done");
        var pod = await node.Api.WaitAsync("a", IsRunning, "running");
        return (node, await KubeletClient.StartAsync(node), pod);
    }

    /// <summary>Value of the sample that begins so.</summary>
    private static double Value(string text, string sample)
    {
        var line = Assert.Single(text.Split('\n'), line => line.StartsWith(sample + " ", StringComparison.Ordinal));
        return double.Parse(line[(sample.Length + 1)..].Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task Resource_OfABusyPod_GrowsWithItsWork()
    {
        var (node, kubelet, _) = await StartAsync();
        await using var _1 = node;
        await using var _2 = kubelet;
        const string Cpu = "container_cpu_usage_seconds_total{container=\"main\",namespace=\"default\",pod=\"a\"}";

        var before = await kubelet.Http.GetStringAsync("/metrics/resource");
        var after = before;
        while (Value(after, Cpu) <= Value(before, Cpu) + 0.05) after = await kubelet.Http.GetStringAsync("/metrics/resource");

        Assert.True(Value(after, "container_memory_working_set_bytes{container=\"main\",namespace=\"default\",pod=\"a\"}") > 4096);
        Assert.True(Value(after, "pod_cpu_usage_seconds_total{namespace=\"default\",pod=\"a\"}") >= Value(after, Cpu));
        Assert.True(Value(after, "node_cpu_usage_seconds_total") > Value(before, "node_cpu_usage_seconds_total"));
        Assert.Equal(0, Value(after, "resource_scrape_error"));
    }

    [Fact]
    public async Task Cadvisor_TellsOfPodContainerAndNetwork()
    {
        var (node, kubelet, pod) = await StartAsync();
        await using var _1 = node;
        await using var _2 = kubelet;
        var group = node.Paths.PodCgroup(pod.Metadata.Uid);
        var id = pod.Status.ContainerStatuses[0].ContainerID["runc://".Length..];

        var text = await kubelet.Http.GetStringAsync("/metrics/cadvisor");

        var own = $"container=\"main\",id=\"{group}/{id}\",image=\"{pod.Status.ContainerStatuses[0].Image}\",name=\"{id}\",namespace=\"default\",pod=\"a\"";
        Assert.True(Value(text, $"container_cpu_usage_seconds_total{{cpu=\"total\",{own}}}") > 0);
        Assert.True(Value(text, $"container_memory_usage_bytes{{{own}}}") >= Value(text, $"container_memory_working_set_bytes{{{own}}}"));
        Assert.Equal(0, Value(text, $"container_network_receive_errors_total{{container=\"\",id=\"{group}\",image=\"\",interface=\"eth0\",name=\"\",namespace=\"default\",pod=\"a\"}}"));
    }

    [Fact]
    public async Task Agent_TellsOfItsPodsOperationsAndProbes()
    {
        var (node, kubelet, pod) = await StartAsync();
        await using var _1 = node;
        await using var _2 = kubelet;

        var text = await kubelet.Http.GetStringAsync("/metrics");
        var probes = await kubelet.Http.GetStringAsync("/metrics/probes");

        Assert.Equal(1, Value(text, "kubelet_node_name{node=\"node\"}"));
        Assert.Equal(1, Value(text, "kubelet_running_pods"));
        Assert.Equal(1, Value(text, "kubelet_running_containers{container_state=\"running\"}"));
        Assert.Equal(1, Value(text, "kubelet_started_containers_total{container_type=\"container\"}"));
        Assert.Equal(1, Value(text, "kubelet_runtime_operations_total{operation_type=\"run_podsandbox\"}"));
        Assert.Equal(1, Value(text, "kubelet_pod_start_duration_seconds_count"));
        Assert.True(Value(text, "kubelet_pod_status_sync_duration_seconds_count") >= 2);
        Assert.True(Value(text, "kubelet_pod_worker_duration_seconds_count{operation_type=\"create\"}") >= 1);
        Assert.True(Value(probes, $"prober_probe_total{{container=\"main\",namespace=\"default\",pod=\"a\",probe_type=\"Readiness\",pod_uid=\"{pod.Metadata.Uid}\",result=\"successful\"}}") >= 1);
        Assert.True(Value(probes, "prober_probe_duration_seconds_count{container=\"main\",namespace=\"default\",pod=\"a\",probe_type=\"Readiness\"}") >= 1);
    }

    [Fact]
    public async Task Summary_HasRatesFromTheFirstAnswerOn()
    {
        var (node, kubelet, pod) = await StartAsync();
        await using var _1 = node;
        await using var _2 = kubelet;

        using var summary = JsonDocument.Parse(await kubelet.Http.GetStringAsync("/stats/summary"));

        var root = summary.RootElement;
        Assert.Equal("node", root.GetProperty("node").GetProperty("nodeName").GetString());
        Assert.True(root.GetProperty("node").GetProperty("fs").GetProperty("capacityBytes").GetInt64() > 0);
        var only = Assert.Single(root.GetProperty("pods").EnumerateArray());
        Assert.Equal(pod.Metadata.Uid, only.GetProperty("podRef").GetProperty("uid").GetString());
        Assert.True(Assert.Single(only.GetProperty("containers").EnumerateArray()).GetProperty("cpu").GetProperty("usageNanoCores").GetInt64() > 0);
        Assert.Equal("eth0", only.GetProperty("network").GetProperty("name").GetString());
    }
}
