using System.Globalization;
using Xunit;

namespace Fairlead.System;

/// <summary>up, status, crash, down: what is there afterwards, and what is not.</summary>
public sealed class LifecycleTests(Cluster cluster)
{
    [Fact]
    public async Task Down_ClusterWithPods_LeavesNothingBehind()
    {
        var name = $"gone-{Environment.ProcessId}";
        var folder = Directory.CreateTempSubdirectory("fairlead-system-").FullName;
        var kubeconfig = Path.Combine(folder, "config");
        try
        {
            await Command.RunAsync(Command.Fairlead, "up", "--name", name, "--kubeconfig", kubeconfig);
            var kubectl = new Kubectl(kubeconfig, "default");
            await kubectl.RunAsync("apply", "-f", "examples/kubia/");
            await kubectl.WaitForReadyAsync("kubia", 3);
            Assert.Contains("nodes 1/1 Ready", (await Command.RunAsync(Command.Fairlead, "status", "--name", name)).Output, StringComparison.Ordinal);
        }
        finally
        {
            await Command.RunAsync(Command.Fairlead, "down", "--name", name);
        }

        Assert.False(File.Exists(kubeconfig));
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder));
        Directory.Delete(folder);
        Assert.False(Directory.Exists($"/var/lib/fairlead/{name}"));
        Assert.False(Directory.Exists($"/run/fairlead/{name}"));
        Assert.DoesNotContain(name, await File.ReadAllTextAsync("/proc/self/mountinfo"), StringComparison.Ordinal);
        Assert.DoesNotContain($"fl-{name}", (await Command.RunAsync("ip", "link")).Output, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateDirectories("/sys/fs/cgroup", name, new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 3 }));
        Assert.DoesNotContain(Processes(), process => process.CommandLine.Contains(name, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Kubeconfig_OfOthers_SurvivesUpAndDown()
    {
        var name = $"beside-{Environment.ProcessId}";
        var folder = Directory.CreateTempSubdirectory("fairlead-system-").FullName;
        var kubeconfig = Path.Combine(folder, "config");
        await Command.RunAsync("kubectl", "--kubeconfig", kubeconfig, "config", "set-cluster", "mine", "--server=https://192.0.2.1");
        await Command.RunAsync("kubectl", "--kubeconfig", kubeconfig, "config", "set-context", "mine", "--cluster=mine", "--namespace=work");
        await Command.RunAsync("kubectl", "--kubeconfig", kubeconfig, "config", "use-context", "mine");
        var before = (await Command.RunAsync("kubectl", "--kubeconfig", kubeconfig, "config", "view")).Output;
        try
        {
            await Command.RunAsync(Command.Fairlead, "up", "--name", name, "--kubeconfig", kubeconfig);

            Assert.Equal($"fairlead-{name}", (await Command.RunAsync("kubectl", "--kubeconfig", kubeconfig, "config", "current-context")).Output.Trim());
            // The shared cluster runs at the same time, with a network of its own.
            var mine = await Command.RunAsync("kubectl", "--kubeconfig", kubeconfig, "get", "nodes", "-o", "jsonpath={.items[0].status.addresses[0].address}");
            var shared = await Command.RunAsync("kubectl", "--kubeconfig", cluster.Kubeconfig, "get", "nodes", "-o", "jsonpath={.items[0].status.addresses[0].address}");
            Assert.NotEqual(mine.Output, shared.Output);
        }
        finally
        {
            await Command.RunAsync(Command.Fairlead, "down", "--name", name);
        }

        var after = (await Command.RunAsync("kubectl", "--kubeconfig", kubeconfig, "config", "view")).Output;
        Assert.Equal(before.Replace("current-context: mine", "current-context: \"\"", StringComparison.Ordinal), after);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Crash_OfServerAndAgent_UpGoesOnWithTheSameContainers()
    {
        var name = $"crash-{Environment.ProcessId}";
        var folder = Directory.CreateTempSubdirectory("fairlead-system-").FullName;
        var kubeconfig = Path.Combine(folder, "config");
        try
        {
            await Command.RunAsync(Command.Fairlead, "up", "--name", name, "--kubeconfig", kubeconfig);
            var kubectl = new Kubectl(kubeconfig, "default");
            await kubectl.RunAsync("apply", "-f", "examples/kubia/");
            await kubectl.WaitForReadyAsync("kubia", 3);
            await kubectl.WaitForEndpointsAsync("kubia", 3);
            var containers = await ContainersAsync(kubectl);

            foreach (var (id, _) in Processes().Where(process => process.CommandLine.Contains($"/var/lib/fairlead/{name}", StringComparison.Ordinal) && process.CommandLine.Contains("fairlead\0", StringComparison.Ordinal)))
                await Command.TryAsync("kill", ["-9", id.ToString(CultureInfo.InvariantCulture)]);
            await Command.RunAsync(Command.Fairlead, "up", "--name", name, "--kubeconfig", kubeconfig);

            var pods = await kubectl.WaitForReadyAsync("kubia", 3);
            Assert.Equal(containers, await ContainersAsync(kubectl));
            var answer = await kubectl.CurlAsync(pods[0], $"http://{await kubectl.ClusterIpAsync("kubia")}/");
            Assert.StartsWith("You've hit kubia-", answer.Output, StringComparison.Ordinal);
        }
        finally
        {
            await Command.RunAsync(Command.Fairlead, "down", "--name", name);
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task Up_Foreground_TakesTheClusterDownOnInterrupt()
    {
        var name = $"front-{Environment.ProcessId}";
        var folder = Directory.CreateTempSubdirectory("fairlead-system-").FullName;
        using var up = Command.Start(Command.Fairlead, ["up", "--name", name, "--kubeconfig", Path.Combine(folder, "config"), "--foreground"]);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var lines = new List<string>();
        while (!lines.Any(line => line.Contains("is ready", StringComparison.Ordinal)))
            lines.Add(await up.StandardOutput.ReadLineAsync(patience.Token) ?? throw new InvalidOperationException(string.Join('\n', lines)));

        await Command.RunAsync("kill", "-INT", up.Id.ToString(CultureInfo.InvariantCulture));

        await up.WaitForExitAsync(patience.Token);
        Assert.False(Directory.Exists($"/var/lib/fairlead/{name}"));
        Directory.Delete(folder, recursive: true);
    }

    private static Task<string> ContainersAsync(Kubectl kubectl) =>
        kubectl.RunAsync("get", "pods", "-l", "app=kubia", "--sort-by=.metadata.name", "-o", "jsonpath={range .items[*]}{.metadata.name} {.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}{\"\\n\"}{end}");

    private static IEnumerable<(int Id, string CommandLine)> Processes()
    {
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var id) || id == Environment.ProcessId) continue;
            string line;
            try
            {
                line = File.ReadAllText($"{folder}/cmdline");
            }
            catch (IOException)
            {
                continue;
            }
            yield return (id, line);
        }
    }
}
