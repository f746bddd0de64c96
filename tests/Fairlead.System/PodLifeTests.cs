using Xunit;

namespace Fairlead.System;

/// <summary>A pod's way from its first container to its end, as kubectl tells it.</summary>
public sealed class PodLifeTests(Cluster cluster)
{
    private static Task<string> Of(Kubectl kubectl, string pod, string path) => kubectl.RunAsync("get", "pod", pod, "-o", $"jsonpath={path}");

    [Fact]
    public async Task Containers_StartInOrder_AndHooksRunAtBothEnds()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        var host = Directory.CreateTempSubdirectory("fairlead-life-");
        await kubectl.ApplyAsync($$"""
            apiVersion: v1
            kind: Pod
            metadata: { name: whole }
            spec:
              terminationGracePeriodSeconds: 20
              initContainers:
              - { name: first, image: fairlead/host, command: [sh, -c, echo first >> /data/order], volumeMounts: [{ name: data, mountPath: /data }] }
              - name: side
                image: fairlead/host
                restartPolicy: Always
                command: [sh, -c, "trap 'echo side-ends >> /data/order; exit 0' TERM; echo side >> /data/order; while :; do sleep 0.1; done"]
                startupProbe: { exec: { command: [grep, side, /data/order] }, periodSeconds: 1 }
                volumeMounts: [{ name: data, mountPath: /data }]
              - { name: second, image: fairlead/host, command: [sh, -c, echo second >> /data/order], volumeMounts: [{ name: data, mountPath: /data }] }
              containers:
              - name: main
                image: fairlead/host
                command: [sh, -c, "trap 'echo main-ends >> /data/order; exit 0' TERM; while :; do sleep 0.1; done"]
                lifecycle: { postStart: { exec: { command: [sh, -c, echo post-start >> /data/order] } }, preStop: { exec: { command: [sh, -c, echo pre-stop >> /data/order] } } }
                volumeMounts: [{ name: data, mountPath: /data }]
              volumes: [{ name: data, hostPath: { path: {{host}} } }]
            """);
        await kubectl.RunAsync("wait", "--for=condition=Ready", "pod/whole", "--timeout=60s");
        Assert.Equal("true true true", await Of(kubectl, "whole", "{.status.initContainerStatuses[*].ready}"));

        await kubectl.RunAsync("delete", "pod", "whole", "--timeout=60s");

        // Sidecars end after the containers that they serve.
        Assert.Equal("first side second post-start pre-stop main-ends side-ends", (await File.ReadAllTextAsync($"{host}/order")).Trim().Replace('\n', ' '));
        host.Delete(recursive: true);
    }

    [Fact]
    public async Task Container_ThatFails_TellsOfItInStateLogsAndEvents()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.ApplyAsync("""
            apiVersion: v1
            kind: Pod
            metadata: { name: crashes }
            spec:
              terminationGracePeriodSeconds: 0
              containers:
              - { name: main, image: fairlead/host, command: [sh, -c, "echo said by $HOSTNAME; echo why > /tmp/words; exit 3"], terminationMessagePath: /tmp/words }
              - { name: logs, image: fairlead/host, command: [sh, -c, echo last words; exit 4], terminationMessagePolicy: FallbackToLogsOnError }
              - { name: fine, image: fairlead/host, command: [sh, -c, "for i in 1 2 3 4 5; do echo line $i; done; sleep 1000"] }
            """);
        await Until.AsyncHolds(() => Of(kubectl, "crashes", "{.status.containerStatuses[?(@.name==\"main\")].state.waiting.reason}"), reason => reason == "CrashLoopBackOff", "it is backed off");
        Assert.Equal("3 Error why\n", await Of(kubectl, "crashes", "{.status.containerStatuses[?(@.name==\"main\")].lastState.terminated['exitCode','reason','message']}") + "\n");
        Assert.Equal("last words", await Of(kubectl, "crashes", "{.status.containerStatuses[?(@.name==\"logs\")].lastState.terminated.message}"));
        Assert.Contains("CrashLoopBackOff", await kubectl.RunAsync("get", "pods"), StringComparison.Ordinal);
        var described = await Until.AsyncHolds(() => kubectl.RunAsync("describe", "pod", "crashes"), text => text.Contains("Back-off restarting failed container main", StringComparison.Ordinal), "the event");
        foreach (var words in (string[])["CrashLoopBackOff", "Exit Code:    3", "ContainersReady", "Started container fine", "Successfully assigned"]) Assert.Contains(words, described, StringComparison.Ordinal);

        Assert.Equal("said by crashes", await kubectl.RunAsync("logs", "crashes", "-c", "main", "--previous"));
        Assert.Equal("line 4\nline 5", await kubectl.RunAsync("logs", "crashes", "-c", "fine", "--tail=2"));
        Assert.Matches(@"^(\d{4}-\d\d-\d\dT\S+Z line \d\n?){5}$", await kubectl.RunAsync("logs", "crashes", "-c", "fine", "--timestamps"));
        Assert.Contains("line 1", await kubectl.RunAsync("logs", "crashes", "-c", "fine", "--since=1h"), StringComparison.Ordinal);
        Assert.Equal("", await kubectl.RunAsync("logs", "crashes", "-c", "fine", $"--since-time={TimeProvider.System.GetUtcNow():yyyy-MM-ddTHH:mm:ssZ}", "--tail=0"));
        var all = await kubectl.RunAsync("logs", "crashes", "--all-containers", "--prefix");
        foreach (var words in (string[])["[pod/crashes/main] said by crashes", "[pod/crashes/logs] last words", "[pod/crashes/fine] line 5"]) Assert.Contains(words, all, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pod_WithADeadlineOrAGate_EndsOrWaits()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.ApplyAsync("""
            { apiVersion: v1, kind: Service, metadata: { name: gated }, spec: { selector: { app: gated }, ports: [{ port: 80, targetPort: 8080 }] } }
            ---
            { apiVersion: v1, kind: Service, metadata: { name: early }, spec: { publishNotReadyAddresses: true, selector: { app: gated }, ports: [{ port: 80, targetPort: 8080 }] } }
            ---
            { apiVersion: v1, kind: Pod, metadata: { name: gated, labels: { app: gated } }, spec: { terminationGracePeriodSeconds: 0, readinessGates: [{ conditionType: example.com/open }], containers: [{ name: main, image: fairlead/host, command: [fairlead, echo] }] } }
            ---
            { apiVersion: v1, kind: Pod, metadata: { name: late }, spec: { activeDeadlineSeconds: 1, terminationGracePeriodSeconds: 0, containers: [{ name: main, image: fairlead/host, command: [sleep, "1000"] }] } }
            ---
            { apiVersion: v1, kind: Pod, metadata: { name: slow }, spec: { terminationGracePeriodSeconds: 0, containers: [{ name: main, image: fairlead/host, command: [sleep, "1000"],
              startupProbe: { exec: { command: [ls, /tmp/up] }, periodSeconds: 1, failureThreshold: 60 }, livenessProbe: { exec: { command: [ls, /tmp/up] }, periodSeconds: 1, failureThreshold: 1 } }] } }
            """);
        Assert.Equal(["gated"], await kubectl.WaitForEndpointsAsync("early", 1));
        await Until.AsyncHolds(() => Of(kubectl, "gated", "{.status.conditions[?(@.type==\"ContainersReady\")].status}{.status.conditions[?(@.type==\"Ready\")].reason}"), text => text == "TrueReadinessGatesNotReady", "the gate is shut");
        Assert.Empty(await kubectl.EndpointPodsAsync("gated"));
        await kubectl.RunAsync("patch", "pod", "gated", "--subresource=status", "-p", "{\"status\":{\"conditions\":[{\"type\":\"example.com/open\",\"status\":\"True\"}]}}");
        Assert.Equal(["gated"], await kubectl.WaitForEndpointsAsync("gated", 1));

        await Until.AsyncHolds(() => Of(kubectl, "late", "{.status.phase} {.status.reason}"), text => text == "Failed DeadlineExceeded", "its time is over");

        await Until.AsyncHolds(() => Of(kubectl, "slow", "{.status.containerStatuses[0].state.running.startedAt}"), text => text.Length > 0, "it runs");
        Assert.Equal("false false", await Of(kubectl, "slow", "{.status.containerStatuses[0].started} {.status.containerStatuses[0].ready}"));
        await kubectl.RunAsync("exec", "slow", "--", "touch", "/tmp/up");
        await kubectl.RunAsync("wait", "--for=condition=Ready", "pod/slow", "--timeout=60s");
        Assert.Equal("true 0", await Of(kubectl, "slow", "{.status.containerStatuses[0].started} {.status.containerStatuses[0].restartCount}"));
    }

    [Fact]
    public async Task Files_CopiedBothWays_ArriveWhole()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        var folder = Directory.CreateTempSubdirectory("fairlead-copy-");
        var content = new byte[3_000_000];
        Random.Shared.NextBytes(content);
        Directory.CreateDirectory($"{folder}/out/deep");
        await File.WriteAllBytesAsync($"{folder}/out/deep/file", content);
        await kubectl.RunAsync("run", "keeps", "--image=fairlead/host", "--", "sleep", "1000");
        await kubectl.RunAsync("wait", "--for=condition=Ready", "pod/keeps", "--timeout=60s");

        await kubectl.RunAsync("cp", $"{folder}/out", "keeps:/tmp/there");
        await kubectl.RunAsync("cp", "keeps:/tmp/there", $"{folder}/back");

        Assert.Equal(content, await File.ReadAllBytesAsync($"{folder}/back/deep/file"));
        folder.Delete(recursive: true);
    }
}
