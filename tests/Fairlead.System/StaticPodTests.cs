using System.Text.Json.Nodes;
using Xunit;

namespace Fairlead.System;

/// <summary>Pods from a folder of the node's, and what is on the node's disk.</summary>
public sealed class StaticPodTests
{
    private const string Mirror = "web-node1";

    private static string Manifest(int port) => $$"""
        apiVersion: v1
        kind: Pod
        metadata: { name: web, namespace: kube-system, labels: { app: web } }
        spec:
          terminationGracePeriodSeconds: 1
          containers:
          - name: c
            image: fairlead/host
            command: [sh, -c, "head -c 300000 /dev/zero > /var/written; head -c 200000 /dev/zero > /data/file; exec fairlead echo --port {{port}}"]
            volumeMounts: [{ name: data, mountPath: /data }]
          volumes: [{ name: data, emptyDir: {} }]
        """;

    private static Task<string> OfAsync(Kubectl kubectl, string path) => kubectl.RunAsync("get", "pod", Mirror, "-o", $"jsonpath={path}");

    private static Task<CommandResult> LogsAsync(Kubectl kubectl, string line) =>
        Until.AsyncHolds(() => kubectl.TryAsync(["logs", Mirror]), logs => logs.Output.Contains(line, StringComparison.Ordinal), line);

    [Fact]
    public async Task File_AppearsChangesAndGoes_AndItsPodFollows()
    {
        await using var own = new OwnCluster("static");
        var folder = Directory.CreateDirectory($"{own.Folder}/pods").FullName;
        await own.UpAsync("--pod-manifest-path", folder);
        var kubectl = new Kubectl(own.Kubeconfig, "kube-system");

        await File.WriteAllTextAsync($"{folder}/web.yaml", Manifest(8080), TestContext.Current.CancellationToken);
        await LogsAsync(kubectl, $"{Mirror} serves http on port 8080");
        await kubectl.RunAsync("wait", "--for=condition=Ready", $"pod/{Mirror}", "--timeout=60s");
        Assert.Equal("file Node/node1", await OfAsync(kubectl, "{.metadata.annotations.kubernetes\\.io/config\\.source} {.metadata.ownerReferences[0].kind}/{.metadata.ownerReferences[0].name}"));
        var (container, uid) = (await OfAsync(kubectl, "{.status.containerStatuses[0].containerID}"), await OfAsync(kubectl, "{.metadata.uid}"));
        await SummaryAsync(kubectl);

        // The mirror comes back, and the pod does not notice.
        await kubectl.RunAsync("delete", "pod", Mirror, "--wait=false");
        await Until.AsyncHolds(async () => (await kubectl.TryAsync(["get", "pod", Mirror, "-o", "jsonpath={.metadata.uid} {.status.phase}"])).Output, found => found.EndsWith(" Running", StringComparison.Ordinal) && !found.StartsWith(uid, StringComparison.Ordinal), "another mirror");
        Assert.Equal(container, await OfAsync(kubectl, "{.status.containerStatuses[0].containerID}"));

        await Processes.KillAsync(line => line.Contains("\0agent\0", StringComparison.Ordinal) && line.Contains($"\0{own.Name}\0", StringComparison.Ordinal));
        await own.UpAsync();
        await File.WriteAllTextAsync($"{folder}/web.yaml", Manifest(8081), TestContext.Current.CancellationToken);
        await LogsAsync(kubectl, $"{Mirror} serves http on port 8081");
        File.Delete($"{folder}/web.yaml");
        await Until.AsyncHolds(() => kubectl.TryAsync(["get", "pod", Mirror]), found => found.Code != 0, "the mirror is gone");
        Directory.Delete(folder);
    }

    /// <summary>A machine that comes up while its server does not: the agent is started, and nobody answers it.</summary>
    [Fact]
    public async Task Agent_WithoutItsServer_RunsThePodsOfItsFiles()
    {
        await using var own = new OwnCluster("alone");
        var folder = Directory.CreateDirectory($"{own.Folder}/pods").FullName;
        var port = 20_000 + (Environment.ProcessId % 10_000);
        await File.WriteAllTextAsync($"{folder}/web.yaml", Manifest(port), TestContext.Current.CancellationToken);
        await own.UpAsync("--pod-manifest-path", folder);
        var kubectl = new Kubectl(own.Kubeconfig, "kube-system");
        await kubectl.RunAsync("wait", "--for=create", $"pod/{Mirror}", "--timeout=30s");
        await kubectl.RunAsync("wait", "--for=condition=Ready", $"pod/{Mirror}", "--timeout=30s");
        bool IsAgent(string line) => line.Contains("\0agent\0", StringComparison.Ordinal) && line.Contains($"\0{own.Name}\0", StringComparison.Ordinal);
        bool IsPod(string line) => line == $"fairlead\0echo\0--port\0{port}\0";
        var agent = Processes.All().Single(process => IsAgent(process.CommandLine)).CommandLine.TrimEnd('\0').Split('\0').ToList();
        // It names the server's process.
        agent.RemoveRange(agent.IndexOf("--pull-network"), 2);
        await Processes.KillAsync(line => IsAgent(line) || (line.Contains("\0server\0", StringComparison.Ordinal) && line.Contains($"/var/lib/fairlead/{own.Name}", StringComparison.Ordinal)));
        await Processes.KillAsync(IsPod);

        using (var alone = Command.Start("nsenter", [$"--net=/run/fairlead/{own.Name}/netns/node1", Command.Fairlead, .. agent[1..]]))
        {
            await Until.AsyncHolds(() => Task.FromResult(Processes.All().Count(process => IsPod(process.CommandLine))), count => count == 1, "the pod runs again");
            Assert.NotEqual(0, (await kubectl.TryAsync(["get", "pods", "--request-timeout=2s"])).Code);
            await Processes.KillAsync(IsAgent);
            await alone.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
        await own.UpAsync();

        await Until.AsyncHolds(() => OfAsync(kubectl, "{.status.containerStatuses[0].restartCount}"), count => count == "1", "the mirror tells of it");
        await kubectl.RunAsync("wait", "--for=condition=Ready", $"pod/{Mirror}", "--timeout=30s");
        Assert.Equal(1, Processes.All().Count(process => IsPod(process.CommandLine)));
    }

    /// <summary>What the container wrote, logged and put into its volume.</summary>
    private static async Task SummaryAsync(Kubectl kubectl)
    {
        var summary = JsonNode.Parse(await kubectl.RunAsync("get", "--raw", "/api/v1/nodes/node1/proxy/stats/summary"))!;
        var pod = summary["pods"]!.AsArray().Single(one => one!["podRef"]!["name"]!.GetValue<string>() == Mirror)!;
        long Used(JsonNode? of) => of!["usedBytes"]!.GetValue<long>();
        Assert.InRange(Used(pod["containers"]![0]!["rootfs"]), 300_000, 400_000);
        Assert.InRange(Used(pod["containers"]![0]!["logs"]), 1, 100_000);
        var volume = Assert.Single(pod["volume"]!.AsArray())!;
        Assert.Equal("data", volume["name"]!.GetValue<string>());
        Assert.InRange(Used(volume), 200_000, 300_000);
        Assert.InRange(Used(pod["ephemeral-storage"]), 500_000, 800_000);
        Assert.True(summary["node"]!["fs"]!["inodes"]!.GetValue<long>() > 0);
    }
}
