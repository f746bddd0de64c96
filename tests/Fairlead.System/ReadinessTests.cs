using System.Diagnostics;
using System.Text.Json;
using Xunit;

namespace Fairlead.System;

/// <summary>Probes and what follows from them: endpoints come and go with readiness, a dead container is started anew.</summary>
public sealed class ReadinessTests(Cluster cluster)
{
    [Fact]
    public async Task Readiness_ByFile_EndpointsComeAndGo()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/readiness/");
        var pods = await RunningAsync(kubectl, 3);
        Assert.Empty(await kubectl.EndpointPodsAsync("kubia"));
        var address = await kubectl.ClusterIpAsync("kubia");
        await kubectl.RefusedAsync(pods[0], $"http://{address}");

        await kubectl.RunAsync("exec", pods[0], "--", "touch", "/var/ready");

        Assert.Equal([pods[0]], await kubectl.WaitForEndpointsAsync("kubia", 1));
        Assert.Equal($"You've hit {pods[0]}\n", (await kubectl.CurlAsync(pods[1], $"http://{address}")).Output);
        foreach (var pod in pods[1..]) await kubectl.RunAsync("exec", pod, "--", "touch", "/var/ready");
        Assert.Equal(pods, await kubectl.WaitForEndpointsAsync("kubia", 3));
        await kubectl.WaitForReadyAsync("kubia", 3);

        await kubectl.RunAsync("exec", pods[2], "--", "rm", "/var/ready");

        // Three failures in a row, a second apart.
        Assert.Equal(pods[..2], await kubectl.WaitForEndpointsAsync("kubia", 2));
        Assert.Matches(@"Readiness probe failed: ls: cannot access '/var/ready'", await kubectl.RunAsync("describe", "pod", pods[2]));
        Assert.Equal("0 0 0", await kubectl.RunAsync("get", "pods", "-o", "jsonpath={.items[*].status.containerStatuses[0].restartCount}"));
    }

    /// <summary>From the moment that the API has the pod's Ready condition turned to the moment that the slice has the endpoint turned.</summary>
    [Fact]
    public async Task Readiness_Verdict_ReachesTheSliceAtOnce()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/readiness/");
        var pods = await RunningAsync(kubectl, 3);
        await Until.AsyncHolds(() => kubectl.WordsAsync("endpointslices", "{.items[*].endpoints[*].targetRef.name}", "-l", "kubernetes.io/service-name=kubia"), names => names.Length == 3, "three endpoints, none ready");
        using var watchPods = Watch($"/api/v1/namespaces/{kubectl.Namespace}/pods?watch=1");
        using var watchSlices = Watch($"/apis/discovery.k8s.io/v1/namespaces/{kubectl.Namespace}/endpointslices?watch=1");
        var times = new List<double>();
        try
        {
            foreach (var pod in pods)
            {
                var verdict = ReadUntilAsync(watchPods, seen => IsReadyPod(seen, pod));
                var endpoint = ReadUntilAsync(watchSlices, seen => HasReadyEndpoint(seen, pod));
                await kubectl.RunAsync("exec", pod, "--", "touch", "/var/ready");
                times.Add(((await endpoint) - (await verdict)).TotalMilliseconds);
            }
        }
        finally
        {
            watchPods.Kill();
            watchSlices.Kill();
        }
        TestContext.Current.TestOutputHelper?.WriteLine("condition to slice, ms, as two watches saw it: " + string.Join(", ", times.Select(time => time.ToString("F1"))));
        Assert.All(times, time => Assert.InRange(time, -1000, 2000));
    }

    /// <summary>Each node counts the whole way of a change, from the verdict of its probe to its own kernel.</summary>
    [Fact]
    public async Task Readiness_Verdict_IsMeasuredUntilTheKernelHasIt()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.ApplyAsync(Pod("turns", "readinessProbe: { periodSeconds: 1, failureThreshold: 1, exec: { command: [ ls, /tmp/ready ] } }"));
        await kubectl.ApplyAsync("{ apiVersion: v1, kind: Service, metadata: { name: probed }, spec: { selector: { app: probed }, ports: [ { port: 80, targetPort: 8080 } ] } }");
        await RunningAsync(kubectl, 1);
        var before = await MeasuredAsync();

        await kubectl.RunAsync("exec", "turns", "--", "touch", "/tmp/ready");
        await kubectl.WaitForEndpointsAsync("probed", 1);

        // The moment of the verdict is told exactly, and published as when the change happened.
        var turned = await kubectl.RunAsync("get", "pod", "turns", "-o", @"jsonpath={.metadata.annotations.fairlead\.io/readiness-verdict}");
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$", turned);
        var trigger = await kubectl.RunAsync("get", "endpointslices", "-o", @"jsonpath={.items[0].metadata.annotations.endpoints\.kubernetes\.io/last-change-trigger-time}");
        Assert.Equal(DateTimeOffset.Parse(turned, global::System.Globalization.CultureInfo.InvariantCulture), DateTimeOffset.Parse(trigger, global::System.Globalization.CultureInfo.InvariantCulture));
        await Until.AsyncHolds(MeasuredAsync, count => count > before, "the node has measured it");
    }

    /// <summary>How many changes the node's proxy has measured.</summary>
    private async Task<int> MeasuredAsync()
    {
        const string Count = "kubeproxy_network_programming_duration_seconds_count ";
        var metrics = await Command.RunAsync("nsenter", $"--net=/run/fairlead/{cluster.Name}/netns/node1", "curl", "-sf", "http://127.0.0.1:10249/metrics");
        return int.Parse(metrics.Lines.Single(line => line.StartsWith(Count, StringComparison.Ordinal))[Count.Length..], global::System.Globalization.CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task Readiness_HttpAndTcp_FollowTheServer()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.ApplyAsync(Pod("web", "readinessProbe: { periodSeconds: 1, failureThreshold: 1, httpGet: { path: /, port: http } }"));
        await kubectl.ApplyAsync(Pod("tcp", "readinessProbe: { periodSeconds: 1, failureThreshold: 1, tcpSocket: { port: 8080 } }"));
        await kubectl.ApplyAsync(Pod("deaf", "readinessProbe: { periodSeconds: 1, failureThreshold: 1, httpGet: { path: /, port: 8081 } }"));
        await kubectl.ApplyAsync("{ apiVersion: v1, kind: Service, metadata: { name: probed }, spec: { selector: { app: probed }, ports: [ { port: 80, targetPort: http } ] } }");

        Assert.Equal(["tcp", "web"], await kubectl.WaitForEndpointsAsync("probed", 2));

        await Until.AsyncHolds(() => kubectl.RunAsync("describe", "pod", "deaf"),
            text => text.Contains(":8081/\": dial tcp", StringComparison.Ordinal) && text.Contains("connect: connection refused", StringComparison.Ordinal), "the probe's words in an event");
        Assert.Equal(["tcp", "web"], await kubectl.EndpointPodsAsync("probed"));
    }

    [Fact]
    public async Task Liveness_Fails_ContainerIsStartedAnew()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.ApplyAsync(Pod("frail", "livenessProbe: { periodSeconds: 1, failureThreshold: 1, exec: { command: [ sh, -c, '! test -e /tmp/dead' ] } }"));
        await kubectl.RunAsync("wait", "--for=condition=Ready", "pod/frail", "--timeout=60s");

        await kubectl.RunAsync("exec", "frail", "--", "touch", "/tmp/dead");

        await Until.AsyncHolds(() => kubectl.RunAsync("get", "pod", "frail", "-o", "jsonpath={.status.containerStatuses[0].restartCount}"), count => count == "1", "one restart");
        await Until.AsyncHolds(() => kubectl.RunAsync("describe", "pod", "frail"), text => text.Contains("failed liveness probe, will be restarted", StringComparison.Ordinal), "the event");
    }

    private static string Pod(string name, string probe) =>
        $"{{ apiVersion: v1, kind: Pod, metadata: {{ name: {name}, labels: {{ app: probed }} }}, spec: {{ terminationGracePeriodSeconds: 0, containers: [ {{ name: main, image: fairlead/host, "
        + $"command: [ fairlead, echo, --port, '8080' ], ports: [ {{ name: http, containerPort: 8080 }} ], {probe} }} ] }} }}";

    private static Task<string[]> RunningAsync(Kubectl kubectl, int count) =>
        Until.AsyncHolds(async () => (await kubectl.WordsAsync("pods", "{.items[?(@.status.phase==\"Running\")].metadata.name}")).Order().ToArray(), pods => pods.Length == count, $"{count} running pods");

    private static bool IsReadyPod(JsonElement pod, string name) =>
        pod.GetProperty("metadata").GetProperty("name").GetString() == name
        && pod.GetProperty("status").TryGetProperty("conditions", out var conditions)
        && conditions.EnumerateArray().Any(condition => condition.GetProperty("type").GetString() == "Ready" && condition.GetProperty("status").GetString() == "True");

    private static bool HasReadyEndpoint(JsonElement slice, string pod) => slice.GetProperty("endpoints").EnumerateArray()
        .Any(endpoint => endpoint.GetProperty("targetRef").GetProperty("name").GetString() == pod && endpoint.GetProperty("conditions").GetProperty("ready").GetBoolean());

    private Process Watch(string path) => Command.Start("kubectl", ["--kubeconfig", cluster.Kubeconfig, "get", "--raw", path]);

    /// <summary>When the watch first told of an object that it holds for.</summary>
    private static async Task<TimeSpan> ReadUntilAsync(Process watch, Func<JsonElement, bool> holds)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (await watch.StandardOutput.ReadLineAsync(patience.Token) is { } line)
        {
            var seen = TimeProvider.System.GetElapsedTime(0);
            using var json = JsonDocument.Parse(line);
            if (holds(json.RootElement.GetProperty("object"))) return seen;
        }
        throw new InvalidOperationException("the watch ended: " + await watch.StandardError.ReadToEndAsync(patience.Token));
    }
}
