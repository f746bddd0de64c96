using System.Globalization;
using Xunit;

namespace Fairlead.System;

/// <summary>up, status, crash, down: what is there afterwards, and what is not.</summary>
public sealed class LifecycleTests(Cluster cluster)
{
    [Fact]
    public async Task Down_ClusterWithPods_LeavesNothingBehind()
    {
        string name, folder;
        await using (var own = new OwnCluster("gone"))
        {
            (name, folder) = (own.Name, own.Folder);
            await own.UpAsync();
            await own.Kubectl.RunAsync("apply", "-f", "examples/kubia/");
            await own.Kubectl.WaitForReadyAsync("kubia", 3);
            Assert.Contains("nodes 1/1 Ready", (await Command.RunAsync(Command.Fairlead, "status", "--name", name)).Output, StringComparison.Ordinal);

            await own.DownAsync();

            Assert.Empty(Directory.EnumerateFileSystemEntries(folder));
        }
        Assert.False(Directory.Exists($"/var/lib/fairlead/{name}"));
        Assert.False(Directory.Exists($"/run/fairlead/{name}"));
        Assert.DoesNotContain(name, await File.ReadAllTextAsync("/proc/self/mountinfo"), StringComparison.Ordinal);
        Assert.DoesNotContain($"fl-{name}", (await Command.RunAsync("ip", "link")).Output, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateDirectories("/sys/fs/cgroup", name, new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 3 }));
        Assert.DoesNotContain(Processes.All(), process => process.CommandLine.Contains(name, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Kubeconfig_OfOthers_SurvivesUpAndDown()
    {
        const string FirstAddress = "jsonpath={.items[0].status.addresses[0].address}";
        await using var own = new OwnCluster("beside");
        await own.Kubectl.RunAsync("config", "set-cluster", "mine", "--server=https://192.0.2.1");
        await own.Kubectl.RunAsync("config", "set-context", "mine", "--cluster=mine");
        await own.Kubectl.RunAsync("config", "use-context", "mine");
        var before = await own.Kubectl.RunAsync("config", "view");
        await own.UpAsync();
        Assert.Equal($"fairlead-{own.Name}", await own.Kubectl.RunAsync("config", "current-context"));
        // The shared cluster runs at the same time, with a network of its own.
        var shared = new Kubectl(cluster.Kubeconfig, "default");
        Assert.NotEqual(await shared.RunAsync("get", "nodes", "-o", FirstAddress), await own.Kubectl.RunAsync("get", "nodes", "-o", FirstAddress));

        await own.DownAsync();

        var after = await own.Kubectl.RunAsync("config", "view");
        Assert.Equal(before.Replace("current-context: mine", "current-context: \"\"", StringComparison.Ordinal), after);
    }

    [Fact]
    public async Task Crash_OfServerAndAgent_UpGoesOnWithTheSameContainers()
    {
        await using var own = new OwnCluster("crash");
        var kubectl = own.Kubectl;
        await own.UpAsync();
        await kubectl.RunAsync("apply", "-f", "examples/kubia/");
        await kubectl.WaitForReadyAsync("kubia", 3);
        await kubectl.WaitForEndpointsAsync("kubia", 3);
        var containers = await ContainersAsync(kubectl);

        bool IsOurs((int Id, string CommandLine) process) =>
            process.CommandLine.Contains($"/var/lib/fairlead/{own.Name}", StringComparison.Ordinal) && process.CommandLine.Contains("fairlead\0", StringComparison.Ordinal);
        foreach (var (id, _) in Processes.All().Where(IsOurs)) await Command.TryAsync("kill", ["-9", id.ToString(CultureInfo.InvariantCulture)]);
        await Until.AsyncHolds(() => Task.FromResult(Processes.All().Count(IsOurs)), count => count == 0, "server and agent are dead");
        await own.UpAsync();

        var pods = await kubectl.WaitForReadyAsync("kubia", 3);
        Assert.Equal(containers, await ContainersAsync(kubectl));
        var answer = await kubectl.CurlAsync(pods[0], $"http://{await kubectl.ClusterIpAsync("kubia")}/");
        Assert.StartsWith("You've hit kubia-", answer.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Up_Foreground_TakesTheClusterDownOnInterrupt()
    {
        await using var own = new OwnCluster("front");
        // Whoever runs the tests in a shell's background passes an ignored SIGINT on, which .NET respects.
        using var up = Command.Start("env", ["--default-signal=INT", Command.Fairlead, "up", "--name", own.Name, "--kubeconfig", own.Kubeconfig, "--foreground"]);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var lines = new List<string>();
        while (!lines.Any(line => line.Contains("is ready", StringComparison.Ordinal)))
            lines.Add(await up.StandardOutput.ReadLineAsync(patience.Token) ?? throw new InvalidOperationException(string.Join('\n', lines)));

        await Command.RunAsync("kill", "-INT", up.Id.ToString(CultureInfo.InvariantCulture));

        try
        {
            await up.WaitForExitAsync(patience.Token);
        }
        finally
        {
            // Where it does not end by itself, it is not left behind.
            up.Kill();
        }
        Assert.False(Directory.Exists($"/var/lib/fairlead/{own.Name}"));
    }

    [Fact]
    public async Task Up_ThreeNodes_PodsSpreadAndReachEachOther()
    {
        await using var own = new OwnCluster("three");
        await own.UpAsync("--nodes", "3");
        var kubectl = own.Kubectl;
        await kubectl.RunAsync("apply", "-f", "examples/kubia/");
        var pods = await kubectl.WaitForReadyAsync("kubia", 3);
        await kubectl.WaitForEndpointsAsync("kubia", 3);
        Assert.Equal(["node1", "node2", "node3"], (await kubectl.WordsAsync("pods", "{.items[*].spec.nodeName}", "-l", "app=kubia")).Order());
        var address = await kubectl.ClusterIpAsync("kubia");

        var hit = new HashSet<string>();
        for (var i = 0; i < 60 && hit.Count < 3; i++) hit.Add((await kubectl.CurlAsync(pods[0], $"http://{address}/")).Output.Trim());

        Assert.Equal(pods.Select(pod => $"You've hit {pod}"), hit.Order());
    }

    private static Task<string> ContainersAsync(Kubectl kubectl) =>
        kubectl.RunAsync("get", "pods", "-l", "app=kubia", "--sort-by=.metadata.name", "-o", "jsonpath={range .items[*]}{.metadata.name} {.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}{\"\\n\"}{end}");
}
