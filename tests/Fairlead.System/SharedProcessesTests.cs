using Xunit;

namespace Fairlead.System;

/// <summary>Whose processes a container sees: its own, its pod's, the node's.</summary>
public sealed class SharedProcessesTests(Cluster cluster)
{
    private const string Look = "for one in /proc/[0-9]*; do tr '\\0' ' ' < $one/cmdline && echo; done 2>/dev/null";

    private static string Pod(string name, string spec) => $$"""
        apiVersion: v1
        kind: Pod
        metadata: { name: {{name}} }
        spec:
          terminationGracePeriodSeconds: 0
          {{spec}}
          containers:
          - { name: main, image: fairlead/host, command: [sh, -c, "sleep 3333 & exec sleep 1111"] }
          - { name: other, image: fairlead/host, command: [sleep, "2222"] }
        """;

    private static Task<string> ShAsync(Kubectl kubectl, string pod, string container, string script) => kubectl.RunAsync("exec", pod, "-c", container, "--", "sh", "-c", script);

    private static Task<string> RestartsAsync(Kubectl kubectl, string pod) =>
        kubectl.RunAsync("get", "pod", pod, "-o", "jsonpath={.status.containerStatuses[?(@.name==\"main\")].restartCount} {.status.containerStatuses[?(@.name==\"other\")].restartCount}");

    [Fact]
    public async Task Containers_OfAPodThatShares_SeeAndEndOneAnother()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.ApplyAsync(Pod("pair", "shareProcessNamespace: true"));
        await kubectl.RunAsync("wait", "--for=condition=Ready", "pod/pair", "--timeout=30s");

        var seen = (await ShAsync(kubectl, "pair", "other", Look)).Split('\n').Select(line => line.Trim()).ToArray();
        Assert.Equal("/pause", seen[0]);
        foreach (var one in (string[])["sleep 1111", "sleep 2222", "sleep 3333"]) Assert.Contains(one, seen);
        // The first process is none of the containers', and holds nothing of the node's.
        Assert.Equal("pause", await ShAsync(kubectl, "pair", "main", "cat /proc/1/comm; ls /proc/1/root/ 2>/dev/null || true"));

        await ShAsync(kubectl, "pair", "other", "for one in /proc/[0-9]*; do case $(tr '\\0' ' ' < $one/cmdline) in 'sleep 1111 ') kill -9 ${one#/proc/};; esac; done");

        await Until.AsyncHolds(() => RestartsAsync(kubectl, "pair"), counts => counts == "1 0", "main alone is started again");
        await kubectl.RunAsync("wait", "--for=condition=Ready", "pod/pair", "--timeout=30s");
        // What the one before had started ended with it.
        Assert.Single((await ShAsync(kubectl, "pair", "other", Look)).Split('\n'), line => line.Trim() == "sleep 3333");
        await kubectl.RunAsync("delete", "pod", "pair", "--timeout=30s");
    }

    [Fact]
    public async Task Containers_WithTheirOwnAndWithTheNodesProcesses_SeeJustThose()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.ApplyAsync(Pod("own", "hostPID: false"));
        await kubectl.ApplyAsync(Pod("nodes", "hostPID: true"));
        await kubectl.RunAsync("wait", "--for=condition=Ready", "pod/own", "pod/nodes", "--timeout=30s");

        var own = await ShAsync(kubectl, "own", "main", Look);
        Assert.StartsWith("sleep 1111", own, StringComparison.Ordinal);
        Assert.DoesNotContain("sleep 2222", own, StringComparison.Ordinal);
        var nodes = await ShAsync(kubectl, "nodes", "main", Look);
        Assert.StartsWith((await File.ReadAllTextAsync("/proc/1/cmdline")).Replace('\0', ' ').Trim(), nodes, StringComparison.Ordinal);
        Assert.Contains("sleep 2222", nodes, StringComparison.Ordinal);
    }
}
