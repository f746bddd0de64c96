using Xunit;

namespace Fairlead.System;

/// <summary>The machine shuts down, as logind says it over the system's bus.</summary>
public sealed class ShutdownTests
{
    private const string Inhibited = "inhibit shutdown fairlead delay";

    /// <summary>Writes down when it begins and ends; its end takes its while.</summary>
    private static string Container(string name, string folder) => $$"""
        containers: [{ name: main, image: fairlead/host, volumeMounts: [{ name: data, mountPath: /data }], readinessProbe: { exec: { command: [ls, /tmp/set] }, periodSeconds: 1 },
            command: [sh, -c, "trap 'echo {{name}} hears >> /data/order; sleep 0.3; echo {{name}} ends >> /data/order; exit 0' TERM; touch /tmp/set; while :; do sleep 0.1; done"] }]
          volumes: [{ name: data, hostPath: { path: {{folder}} } }]
        """;

    [Fact]
    public async Task Shutdown_WaitsForPods_CriticalOnesLast_AndMayBeCalledOff()
    {
        await using var logind = await FakeLogind.StartAsync();
        await using var own = new OwnCluster("shutdown") { Variables = new Dictionary<string, string> { ["DBUS_SYSTEM_BUS_ADDRESS"] = logind.Address } };
        var (data, files) = (Directory.CreateDirectory($"{own.Folder}/data").FullName, Directory.CreateDirectory($"{own.Folder}/pods").FullName);
        await File.WriteAllTextAsync($"{files}/own.yaml", $"apiVersion: v1\nkind: Pod\nmetadata: {{ name: own, namespace: default }}\nspec:\n  {Container("own", data)}", TestContext.Current.CancellationToken);
        await own.UpAsync("--pod-manifest-path", files, "--shutdown-grace-period", "90s", "--shutdown-grace-period-critical-pods", "45s");
        // Of itself logind waits five seconds.
        await logind.HearsAsync("reload systemd-logind.service");
        await logind.HearsAsync(Inhibited);
        var kubectl = own.Kubectl;
        await kubectl.ApplyAsync($"apiVersion: v1\nkind: Pod\nmetadata: {{ name: plain }}\nspec:\n  {Container("plain", data)}");
        await kubectl.ApplyAsync($"apiVersion: v1\nkind: Pod\nmetadata: {{ name: critical }}\nspec:\n  priorityClassName: system-node-critical\n  {Container("critical", data)}");
        await Until.AsyncHolds(() => kubectl.TryAsync(["wait", "--for=condition=Ready", "pod/plain", "pod/critical", "pod/own-node1", "--timeout=30s"]), ready => ready.Code == 0, "they run");

        await logind.TellAsync(begins: true);
        await logind.HearsAsync("released");

        // All of it was so before the machine was let go on.
        var order = await File.ReadAllLinesAsync($"{data}/order", TestContext.Current.CancellationToken);
        Assert.Equal(["critical hears", "critical ends"], order[4..]);
        Assert.Equal(["own ends", "own hears", "plain ends", "plain hears"], order[..4].Order(StringComparer.Ordinal));
        const string Ended = "{range .items[*]}{.metadata.name} {.status.phase} {.status.reason} {.status.message}{\"\\n\"}{end}";
        Assert.Equal(
            ((string[])["critical", "own-node1", "plain"]).Select(name => $"{name} Failed Terminated Pod was terminated in response to imminent node shutdown."),
            (await kubectl.RunAsync("get", "pods", "-o", $"jsonpath={Ended}")).Split('\n', StringSplitOptions.RemoveEmptyEntries));
        await Until.AsyncHolds(() => NodeAsync(kubectl), ready => ready == "False KubeletNotReady node is shutting down", "the node says so");
        await Until.AsyncHolds(() => kubectl.RunAsync("describe", "node", "node1"), text => text.Contains("Shutdown manager detected shutdown event", StringComparison.Ordinal), "the event");
        await kubectl.ApplyAsync("{ apiVersion: v1, kind: Pod, metadata: { name: late }, spec: { nodeName: node1, containers: [{ name: main, image: fairlead/host, command: [sleep, '1000'] }] } }");
        await Until.AsyncHolds(() => kubectl.RunAsync("get", "pod", "late", "-o", "jsonpath={.status.phase} {.status.reason}"), status => status == "Failed NodeShutdown", "it is refused");

        await logind.TellAsync(begins: false);

        await logind.HearsAsync(Inhibited);
        await Until.AsyncHolds(() => NodeAsync(kubectl), ready => ready.StartsWith("True ", StringComparison.Ordinal), "the node is ready again");
        // Nobody else would make the node's own pod anew.
        await kubectl.RunAsync("wait", "--for=condition=Ready", "pod/own-node1", "--timeout=60s");
        Assert.Equal("Running 1", (await kubectl.RunAsync("get", "pod", "own-node1", "-o", "jsonpath={.status.phase} {.status.reason}{.status.containerStatuses[0].restartCount}")));
        await kubectl.RunAsync("run", "welcome", "--image=fairlead/host", "--", "sleep", "1000");
        await kubectl.RunAsync("wait", "--for=condition=Ready", "pod/welcome", "--timeout=60s");
    }

    private static Task<string> NodeAsync(Kubectl kubectl) =>
        kubectl.RunAsync("get", "node", "node1", "-o", "jsonpath={range .status.conditions[?(@.type==\"Ready\")]}{.status} {.reason} {.message}{end}");
}
