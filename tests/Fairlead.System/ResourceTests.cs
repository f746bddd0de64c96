using System.Globalization;
using Xunit;

namespace Fairlead.System;

/// <summary>What nodes have, what pods ask of them, and what they use.</summary>
public sealed class ResourceTests(Cluster cluster)
{
    private const string Node = "node1";

    [Fact]
    public async Task Top_OfABusyAndAnIdlePod_TellsThemApart()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        // The limit keeps what is measured within bounds, whatever else the machine does.
        await kubectl.ApplyAsync("""
            { apiVersion: v1, kind: Pod, metadata: { name: busy, labels: { app: busy } }, spec: { terminationGracePeriodSeconds: 0, containers: [
              { name: main, image: fairlead/host, command: [sh, -c, "while :; do :; done"], resources: { limits: { cpu: 200m } } },
              { name: side, image: fairlead/host, command: [sleep, "1000"] }] } }
            """);
        await kubectl.ApplyAsync("""
            { apiVersion: v1, kind: Pod, metadata: { name: idle, labels: { app: idle } }, spec: { terminationGracePeriodSeconds: 0, containers: [{ name: main, image: fairlead/host, command: [fairlead, echo] }] } }
            """);
        await kubectl.RunAsync("wait", "--for=condition=Ready", "pod/busy", "pod/idle", "--timeout=60s");

        var pods = await Until.AsyncHolds(() => TopAsync(kubectl, "pods", "--sort-by=cpu", "--no-headers"), rows => rows is [["busy", _, _], ["idle", var rest, _]] && Milli(rest) < 20, "busy comes first, and idle has started");
        var containers = await TopAsync(kubectl, "pods", "--containers", "-l", "app=busy", "--no-headers");
        var node = Assert.Single(await TopAsync(kubectl, "node", Node, "--no-headers"));

        // What a short window sees of a limit: up to a period's share more at either end. Without one it would be a whole processor.
        Assert.InRange(Milli(pods[0][1]), 20, 600);
        Assert.InRange(Milli(pods[1][1]), 0, 19);
        Assert.InRange(Mebi(pods[1][2]), 1, 200);
        Assert.Equal(["busy main", "busy side"], containers.Select(row => $"{row[0]} {row[1]}"));
        Assert.True(Milli(node[1]) > 0 && Mebi(node[3]) > 10, string.Join(' ', node));
        Assert.Contains("PodMetrics", await kubectl.RunAsync("api-resources", "--api-group=metrics.k8s.io"), StringComparison.Ordinal);
        Assert.Contains("window: ", await kubectl.RunAsync("get", "podmetrics", "busy", "-o", "yaml"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Metrics_OfTheNode_TellOfItsPodsAndAreForThoseWhoMay()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.ApplyAsync("""
            { apiVersion: v1, kind: Pod, metadata: { name: probed }, spec: { terminationGracePeriodSeconds: 0, containers: [
              { name: main, image: fairlead/host, command: [fairlead, echo], readinessProbe: { httpGet: { port: 8080 }, periodSeconds: 1 } }] } }
            """);
        await kubectl.RunAsync("create", "serviceaccount", "scraper");
        await kubectl.RunAsync("wait", "--for=condition=Ready", "pod/probed", "--timeout=60s");
        var labels = $"namespace=\"{kubectl.Namespace}\",pod=\"probed\"";
        const string Node = $"/api/v1/nodes/{ResourceTests.Node}/proxy";

        var resource = await kubectl.RunAsync("get", "--raw", $"{Node}/metrics/resource");
        var cadvisor = await kubectl.RunAsync("get", "--raw", $"{Node}/metrics/cadvisor");
        var probes = await kubectl.RunAsync("get", "--raw", $"{Node}/metrics/probes");
        var agent = await kubectl.RunAsync("get", "--raw", $"{Node}/metrics");
        var summary = await kubectl.RunAsync("get", "--raw", $"{Node}/stats/summary");

        Assert.Contains($"container_memory_working_set_bytes{{container=\"main\",{labels}}} ", resource, StringComparison.Ordinal);
        Assert.Contains("node_cpu_usage_seconds_total ", resource, StringComparison.Ordinal);
        Assert.Matches($"container_network_receive_bytes_total{{container=\"\",id=\"[^\"]+\",image=\"\",interface=\"eth0\",name=\"\",{labels}}} [1-9]", cadvisor);
        Assert.Contains($"prober_probe_duration_seconds_count{{container=\"main\",{labels},probe_type=\"Readiness\"}} ", probes, StringComparison.Ordinal);
        Assert.Contains($"kubelet_node_name{{node=\"{ResourceTests.Node}\"}} 1\n", agent, StringComparison.Ordinal);
        Assert.Contains("\"name\":\"probed\"", summary, StringComparison.Ordinal);

        // As Prometheus comes: to the node itself, with a service account's token.
        var address = await kubectl.RunAsync("get", "node", ResourceTests.Node, "-o", "jsonpath={.status.addresses[?(@.type==\"InternalIP\")].address}");
        var token = await kubectl.RunAsync("create", "token", "scraper");
        Task<CommandResult> ScrapeAsync(string path) => Command.TryAsync("curl", ["-sk", "--max-time", "5", "-w", "%{http_code}", "-o", "/dev/null", "-H", $"Authorization: Bearer {token}", $"https://{address}:10250{path}"]);
        Assert.Equal("403", (await ScrapeAsync("/metrics")).Output);
        await kubectl.RunAsync("create", "clusterrole", kubectl.Namespace, "--verb=get", "--resource=nodes/metrics");
        await kubectl.RunAsync("create", "clusterrolebinding", kubectl.Namespace, $"--clusterrole={kubectl.Namespace}", $"--serviceaccount={kubectl.Namespace}:scraper");
        Assert.Equal("200", (await ScrapeAsync("/metrics")).Output);
        Assert.Equal("403", (await ScrapeAsync("/stats/summary")).Output);
        await kubectl.RunAsync("delete", "clusterrole,clusterrolebinding", kubectl.Namespace);
    }

    [Theory]
    [InlineData("OutOfcpu", "resources: { requests: { cpu: \"1000\" } }", "Node didn't have enough resource: cpu, requested: 1000000, ")]
    [InlineData("OutOfmemory", "resources: { requests: { memory: 1Pi } }", "Node didn't have enough resource: memory, requested: 1125899906842624, ")]
    public async Task Pod_BoundByHandToANodeTooSmall_IsRefusedByIt(string reason, string resources, string message)
    {
        await using var kubectl = await cluster.NamespaceAsync();
        string Pod(string name, string node) => $"{{ apiVersion: v1, kind: Pod, metadata: {{ name: {name} }}, spec: {{ {node}containers: [{{ name: main, image: fairlead/host, {resources} }}] }} }}";
        await kubectl.ApplyAsync(Pod("bound", $"nodeName: {Node}, "));
        await kubectl.ApplyAsync(Pod("waiting", ""));

        await Until.AsyncHolds(() => kubectl.RunAsync("get", "pod", "bound", "--no-headers"), line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, "0/1", var status, ..] && status == reason, $"the pod's status is {reason}");

        Assert.StartsWith($"Failed Pod was rejected: {message}", await kubectl.RunAsync("get", "pod", "bound", "-o", "jsonpath={.status.phase} {.status.message}"), StringComparison.Ordinal);
        await Until.AsyncHolds(
            () => kubectl.RunAsync("describe", "pods"),
            text => text.Contains(message, StringComparison.Ordinal) && text.Contains($"0/1 nodes are available: 1 Insufficient {reason["OutOf".Length..]}.", StringComparison.Ordinal), "the events say why");
    }

    /// <summary>Of a resource that no other test's pods ask for.</summary>
    [Fact]
    public async Task CriticalPod_OnANodeThatIsFull_TakesTheRoomOfAnother()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("patch", "node", Node, "--subresource=status", "--type=merge", "-p", "{\"status\":{\"capacity\":{\"example.com/lamp\":\"1\"},\"allocatable\":{\"example.com/lamp\":\"1\"}}}");
        string Pod(string name, string priority) => $"{{ apiVersion: v1, kind: Pod, metadata: {{ name: {name} }}, spec: {{ nodeName: {Node}, terminationGracePeriodSeconds: 0, {priority}containers: [{{ name: main, image: fairlead/host, command: [sleep, '1000'], resources: {{ limits: {{ example.com/lamp: 1 }} }} }}] }} }}";
        await kubectl.ApplyAsync(Pod("modest", ""));
        await kubectl.RunAsync("wait", "--for=condition=Ready", "pod/modest", "--timeout=30s");

        await kubectl.ApplyAsync(Pod("second", ""));
        await kubectl.ApplyAsync(Pod("critical", "priorityClassName: system-node-critical, "));

        await kubectl.RunAsync("wait", "--for=condition=Ready", "pod/critical", "--timeout=30s");
        Task<string> Told(string pod) => kubectl.RunAsync("get", "pod", pod, "-o", "jsonpath={.status.phase} {.status.reason}: {.status.message}");
        Assert.Equal("Failed Preempting: Preempted in order to admit critical pod", await Told("modest"));
        Assert.StartsWith("Failed OutOfexample.com/lamp: ", await Told("second"), StringComparison.Ordinal);
        await Until.AsyncHolds(() => kubectl.RunAsync("describe", "pod", "modest"), text => text.Contains("Warning  Preempting", StringComparison.Ordinal) && text.Contains("DisruptionTarget", StringComparison.Ordinal), "the event and the condition");
    }

    private static async Task<string[][]> TopAsync(Kubectl kubectl, params string[] arguments)
    {
        var result = await kubectl.TryAsync(["top", .. arguments]);
        return [.. result.Lines.Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))];
    }

    private static int Milli(string cores) => int.Parse(cores.TrimEnd('m'), CultureInfo.InvariantCulture);

    private static int Mebi(string bytes) => int.Parse(bytes.Replace("Mi", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
}
