using System.Diagnostics;
using System.Text.RegularExpressions;
using Xunit;

namespace Fairlead.System;

/// <summary>A Service in front of three pods, by kubectl: each command of the README, and what it must show.</summary>
public sealed partial class MainJobTests(Cluster cluster)
{
    [Fact]
    public async Task Nodes_AfterUp_AreReadyWithAddresses()
    {
        await using var kubectl = await cluster.NamespaceAsync();

        var table = await kubectl.RunAsync("get", "nodes", "-o", "wide");

        Assert.Matches(NodeHead(), table);
        Assert.Matches(NodeRow(), table);
        var external = await kubectl.RunAsync("get", "nodes", "-o", "jsonpath={.items[*].status.addresses[?(@.type==\"ExternalIP\")].address}");
        Assert.StartsWith("172.", external, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Service_InFrontOfThreePods_SpreadsOverAllOfThem()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/kubia/");
        var pods = await kubectl.WaitForReadyAsync("kubia", 3);
        await kubectl.WaitForEndpointsAsync("kubia", 3);
        var address = await kubectl.ClusterIpAsync("kubia");

        var hit = new HashSet<string>();
        for (var i = 0; i < 60 && hit.Count < 3; i++)
        {
            var answer = await kubectl.CurlAsync(pods[0], $"http://{address}");
            Assert.Equal(0, answer.Code);
            hit.Add(answer.Output.Trim());
        }

        Assert.Equal(pods.Select(pod => $"You've hit {pod}"), hit.Order());
        var table = await kubectl.RunAsync("get", "rc,pods,svc,endpoints,endpointslices", "-o", "wide");
        Assert.Matches(@"replicationcontroller/kubia\s+3\s+3\s+3\s+\d+s\s+kubia\s+fairlead/host\s+app=kubia", table);
        Assert.Matches(@"pod/kubia-\w{5}\s+1/1\s+Running\s+0\s+\d+s\s+10\.244\.\d+\.\d+\s+node1\s+<none>\s+<none>", table);
        Assert.Matches(@"service/kubia\s+ClusterIP\s+10\.96\.\d+\.\d+\s+<none>\s+80/TCP\s+\d+s\s+app=kubia", table);
        Assert.Matches(@"endpoints/kubia\s+(10\.244\.\d+\.\d+:8080,?){3}\s+\d+s", table);
        Assert.Matches(@"endpointslice.discovery.k8s.io/kubia-\w{5}\s+IPv4\s+8080\s+(10\.244\.\d+\.\d+,?){3}\s+\d+s", table);
        var described = await kubectl.RunAsync("describe", "svc", "kubia");
        Assert.Matches(@"Selector:\s+app=kubia", described);
        Assert.Matches(@"TargetPort:\s+8080/TCP", described);
        Assert.Matches(@"Endpoints:\s+10\.244\.\d+\.\d+:8080,10\.244\.\d+\.\d+:8080,10\.244\.\d+\.\d+:8080", described);
    }

    [Fact]
    public async Task Pod_Deleted_IsReplacedAndLeavesTheServiceAtOnce()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/kubia/");
        var before = await kubectl.WaitForReadyAsync("kubia", 3);
        await kubectl.WaitForEndpointsAsync("kubia", 3);

        await kubectl.RunAsync("delete", "pod", before[0]);

        Assert.DoesNotContain(before[0], await kubectl.EndpointPodsAsync("kubia"));
        var after = await kubectl.WaitForReadyAsync("kubia", 3);
        Assert.DoesNotContain(before[0], after);
        Assert.Equal(after, await kubectl.WaitForEndpointsAsync("kubia", 3));
    }

    [Fact]
    public async Task Pod_Relabelled_LeavesTheServiceAndComesBackByTheLabel()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/kubia/");
        var pods = await kubectl.WaitForReadyAsync("kubia", 3);

        await kubectl.RunAsync("label", "pod", pods[0], "app=other", "--overwrite");

        var replaced = await Until.AsyncHolds(() => kubectl.EndpointPodsAsync("kubia"), found => found.Length == 3 && !found.Contains(pods[0]), "the pod leaves the service and is replaced");
        Assert.Equal(2, replaced.Intersect(pods).Count());
        Assert.Empty(await kubectl.RunAsync("get", "pod", pods[0], "-o", "jsonpath={.metadata.ownerReferences}"));

        await kubectl.RunAsync("label", "pod", pods[0], "app=kubia", "--overwrite");

        // Four pods of three: the controller adopts it and gives one up.
        await kubectl.WaitForReadyAsync("kubia", 3);
        await kubectl.WaitForEndpointsAsync("kubia", 3);
    }

    [Fact]
    public async Task Scale_UpAndDown_ServiceFollows()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/kubia/");
        await kubectl.WaitForReadyAsync("kubia", 3);

        Assert.Equal("replicationcontroller/kubia scaled", await kubectl.RunAsync("scale", "rc", "kubia", "--replicas=5"));
        await kubectl.WaitForEndpointsAsync("kubia", 5);
        await kubectl.RunAsync("scale", "rc", "kubia", "--replicas=1");
        await kubectl.WaitForEndpointsAsync("kubia", 1);
    }

    [Fact]
    public async Task Watch_WhileScaling_ShowsPodsComeUp()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/kubia/");
        await kubectl.WaitForReadyAsync("kubia", 3);
        using var watch = Command.Start("kubectl", ["--kubeconfig", cluster.Kubeconfig, "-n", kubectl.Namespace, "get", "pods", "-w", "--no-headers"]);
        try
        {
            for (var i = 0; i < 3; i++) Assert.Contains("Running", await ReadLineAsync(watch), StringComparison.Ordinal);

            await kubectl.RunAsync("scale", "rc", "kubia", "--replicas=4");

            var seen = new List<string>();
            while (!seen.Any(line => line.Contains("1/1", StringComparison.Ordinal))) seen.Add(await ReadLineAsync(watch));
            Assert.Contains(seen, line => line.Contains("Pending", StringComparison.Ordinal) || line.Contains("ContainerCreating", StringComparison.Ordinal));
        }
        finally
        {
            watch.Kill();
        }
    }

    [Fact]
    public async Task Edit_ReplicationController_ChangesIt()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/kubia/");

        var edited = await kubectl.TryAsync(["edit", "rc", "kubia"], environment: new Dictionary<string, string> { ["EDITOR"] = "sed -i s/replicas:.3/replicas:\\ 2/" });

        Assert.True(edited.Code == 0, edited.Error);
        Assert.Equal("2", await kubectl.RunAsync("get", "rc", "kubia", "-o", "jsonpath={.spec.replicas}"));
        await kubectl.WaitForReadyAsync("kubia", 2);
    }

    [Fact]
    public async Task Logs_OfPod_ShowRequestsAndFollow()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/kubia/");
        var pods = await kubectl.WaitForReadyAsync("kubia", 3);
        // Without a readiness probe a pod is ready before its program has said a word.
        await Until.AsyncHolds(() => kubectl.RunAsync("logs", pods[0]), text => text.Contains($"{pods[0]} serves http on port 8080", StringComparison.Ordinal), "the first line of the log");
        using var follow = Command.Start("kubectl", ["--kubeconfig", cluster.Kubeconfig, "-n", kubectl.Namespace, "logs", "-f", pods[0]]);
        try
        {
            Assert.Contains("serves", await ReadLineAsync(follow), StringComparison.Ordinal);

            await kubectl.CurlAsync(pods[0], "http://127.0.0.1:8080/followed");

            Assert.Contains("GET /followed", await ReadLineAsync(follow), StringComparison.Ordinal);
        }
        finally
        {
            follow.Kill();
        }
    }

    [Fact]
    public async Task Exec_ExitCodeInputAndErrors_ComeThrough()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/kubia/");
        var pods = await kubectl.WaitForReadyAsync("kubia", 3);

        Assert.Equal(7, (await kubectl.TryAsync(["exec", pods[0], "--", "sh", "-c", "exit 7"])).Code);
        Assert.Equal("through", (await kubectl.TryAsync(["exec", "-i", pods[0], "--", "cat"], "through")).Output);
        Assert.Equal("wrong\n", (await kubectl.TryAsync(["exec", pods[0], "--", "sh", "-c", "echo wrong >&2"])).Error);
        Assert.Equal(pods[0], await kubectl.RunAsync("exec", pods[0], "--", "hostname"));
    }

    private static async Task<string> ReadLineAsync(Process process)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        return await process.StandardOutput.ReadLineAsync(patience.Token) ?? throw new InvalidOperationException("the output ended: " + await process.StandardError.ReadToEndAsync());
    }

    [GeneratedRegex(@"^NAME\s+STATUS\s+ROLES\s+AGE\s+VERSION\s+INTERNAL-IP\s+EXTERNAL-IP\s+OS-IMAGE\s+KERNEL-VERSION\s+CONTAINER-RUNTIME")]
    private static partial Regex NodeHead();

    [GeneratedRegex(@"node1\s+Ready\s+\S+\s+\d+\w+\s+v1\.36\.\d+\s+172\.\d+\.\d+\.2\s+172\.\d+\.\d+\.2")]
    private static partial Regex NodeRow();
}
