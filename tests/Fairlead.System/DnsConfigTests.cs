using Xunit;

namespace Fairlead.System;

/// <summary>The nodes' DNS by a Corefile: `fairlead up --dns-config`.</summary>
public sealed class DnsConfigTests
{
    private const string Name = "wiki.corp.example";

    [Fact]
    public async Task Autopath_ByTheCorefile_MakesASearchOneQuestion()
    {
        await using var own = new OwnCluster("dns");
        var file = Path.Combine(own.Folder, "Corefile");
        File.Copy(Path.Combine(Command.Root, "examples/dns-config/Corefile"), file);
        await own.UpAsync("--dns-config", file);
        var log = $"/var/lib/fairlead/{own.Name}/log/node1.log";
        await own.Kubectl.ApplyAsync("{ apiVersion: v1, kind: Pod, metadata: { name: client }, spec: { terminationGracePeriodSeconds: 0, containers: [ { name: main, image: fairlead/host, command: [ sleep, '1000' ] } ] } }");
        await own.Kubectl.RunAsync("wait", "--for=condition=Ready", "pod/client", "--timeout=60s");
        Assert.Contains("options ndots:5", await own.Kubectl.RunAsync("exec", "client", "--", "cat", "/etc/resolv.conf"), StringComparison.Ordinal);

        Assert.Equal([$"{Name}.default.svc.cluster.local."], await QuestionsAsync(own, log));

        await File.WriteAllTextAsync(file, (await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken)).Replace("    autopath @kubernetes\n", "", StringComparison.Ordinal), TestContext.Current.CancellationToken);
        await Until.AsyncHolds(() => LinesAsync(log), lines => lines.Any(line => line.Contains("Corefile has changed and is taken", StringComparison.Ordinal)), "the changed Corefile is taken");
        Assert.Equal([$"{Name}.default.svc.cluster.local.", $"{Name}.svc.cluster.local.", $"{Name}.cluster.local.", $"{Name}."], await QuestionsAsync(own, log));
        File.Delete(file);
    }

    [Theory]
    [InlineData("autopath", ":3: autopath takes @kubernetes")]
    [InlineData("rewrite name a b", ":3: the directive rewrite is not known")]
    [InlineData("ttl 30", ":3: the directive ttl is not known")]
    public async Task Up_WithAWrongCorefile_IsRefusedBeforeAnythingIsMade(string line, string expected)
    {
        await using var own = new OwnCluster("dns");
        var file = Path.Combine(own.Folder, "Corefile");
        await File.WriteAllTextAsync(file, $". {{\n  kubernetes cluster.local\n  {line}\n}}\n", TestContext.Current.CancellationToken);

        var refused = await Command.TryAsync(Command.Fairlead, ["up", "--name", own.Name, "--kubeconfig", own.Kubeconfig, "--dns-config", file]);

        Assert.Equal(1, refused.Code);
        Assert.StartsWith($"fairlead: {file}{expected}", refused.Error, StringComparison.Ordinal);
        Assert.Single(refused.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("There is no cluster", (await Command.RunAsync(Command.Fairlead, "down", "--name", own.Name)).Output, StringComparison.Ordinal);
        File.Delete(file);
    }

    [Theory]
    [InlineData("kubernetes other.local", " is for the domain other.local, but this cluster's is cluster.local")]
    [InlineData("kubernetes cluster.local {\n  pods verified\n  }", ": \"pods verified\" takes every pod of the cluster, but a node may read its own only; say insecure or disabled")]
    public async Task Up_WithACorefileThatNodesCannotFollow_IsRefused(string directive, string expected)
    {
        await using var own = new OwnCluster("dns");
        var file = Path.Combine(own.Folder, "Corefile");
        await File.WriteAllTextAsync(file, $". {{\n  {directive}\n}}\n", TestContext.Current.CancellationToken);

        var refused = await Command.TryAsync(Command.Fairlead, ["up", "--name", own.Name, "--kubeconfig", own.Kubeconfig, "--dns-config", file]);

        Assert.Equal((1, $"fairlead: {file}{expected}\n"), (refused.Code, refused.Error));
        File.Delete(file);
    }

    /// <summary>The names that the pod's own resolver asked for while it looked one up, which succeeded.</summary>
    private static async Task<string[]> QuestionsAsync(OwnCluster own, string log)
    {
        var before = (await LinesAsync(log)).Count;
        var found = await own.Kubectl.RunAsync("exec", "client", "--", "getent", "ahostsv4", Name);
        Assert.StartsWith("192.0.2.80 ", found, StringComparison.Ordinal);
        // The question that was answered is the last to be logged.
        var lines = await Until.AsyncHolds(() => LinesAsync(log), lines => lines.Skip(before).Any(line => line.Contains(Name, StringComparison.Ordinal) && line.Contains(" NOERROR ", StringComparison.Ordinal)), "the questions in the log");
        return [.. lines.Skip(before).Where(line => line.Contains($"\"A IN {Name}", StringComparison.Ordinal)).Select(line => line.Split("\"A IN ")[1].Split(' ')[0])];
    }

    private static async Task<IReadOnlyList<string>> LinesAsync(string log)
    {
        await using var stream = new FileStream(log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(stream);
        return (await reader.ReadToEndAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
