using Xunit;

namespace Fairlead.System;

/// <summary>Pods count as available when they have been ready for minReadySeconds: an hour here, and then no time.</summary>
public sealed class MinReadyTests(Cluster cluster)
{
    private const string Spec = """
        minReadySeconds: 3600, selector: { matchLabels: { app: slow } }, template: { metadata: { labels: { app: slow } }, spec: { terminationGracePeriodSeconds: 0,
            containers: [{ name: main, image: fairlead/host, command: [sleep, "1000"] }] } }
        """;

    private static Task<string> OfAsync(Kubectl kubectl, string what, string path) => kubectl.RunAsync("get", what, "slow", "-o", $"jsonpath={path}");

    private static Task<string> WaitForAsync(Kubectl kubectl, string what, string path, string expected) =>
        Until.AsyncHolds(() => OfAsync(kubectl, what, path), seen => seen == expected, $"{what}: {path} is {expected}");

    private static Task<string> ShortenAsync(Kubectl kubectl, string what) => kubectl.RunAsync("patch", what, "slow", "--type=merge", "-p", "{\"spec\":{\"minReadySeconds\":0}}");

    [Fact]
    public async Task Deployment_RollsOn_OnlyWhenPodsAreAvailable()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.ApplyAsync($"{{ apiVersion: apps/v1, kind: Deployment, metadata: {{ name: slow }}, spec: {{ replicas: 2, progressDeadlineSeconds: 7200, strategy: {{ rollingUpdate: {{ maxSurge: 1, maxUnavailable: 0 }} }}, {Spec} }} }}");
        await WaitForAsync(kubectl, "deployment", "{.status.readyReplicas} {.status.unavailableReplicas}{.status.availableReplicas}", "2 2");
        Assert.Equal("False", await OfAsync(kubectl, "deployment", "{.status.conditions[?(@.type==\"Available\")].status}"));

        await ShortenAsync(kubectl, "deployment");
        await WaitForAsync(kubectl, "deployment", "{.status.readyReplicas} {.status.availableReplicas}{.status.unavailableReplicas}", "2 2");

        // One new pod comes, and none goes for it; those of before keep the rule that they came with.
        await kubectl.RunAsync("patch", "deployment", "slow", "--type=merge", "-p", "{\"spec\":{\"minReadySeconds\":3600,\"template\":{\"metadata\":{\"labels\":{\"version\":\"2\"}}}}}");
        await WaitForAsync(kubectl, "deployment", "{.status.readyReplicas} {.status.updatedReplicas} {.status.unavailableReplicas}", "3 1 1");
        await ShortenAsync(kubectl, "deployment");
        await kubectl.RunAsync("rollout", "status", "deployment/slow", "--timeout=60s");
        await WaitForAsync(kubectl, "deployment", "{.status.updatedReplicas} {.status.availableReplicas}", "2 2");
    }

    [Fact]
    public async Task StatefulSet_MakesTheNextPod_OnlyWhenOneIsAvailable()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.ApplyAsync($"{{ apiVersion: apps/v1, kind: StatefulSet, metadata: {{ name: slow }}, spec: {{ replicas: 2, serviceName: slow, {Spec} }} }}");
        await WaitForAsync(kubectl, "statefulset", "{.status.readyReplicas} {.status.availableReplicas} {.status.replicas}", "1 0 1");

        await ShortenAsync(kubectl, "statefulset");

        await WaitForAsync(kubectl, "statefulset", "{.status.readyReplicas} {.status.availableReplicas} {.status.replicas}", "2 2 2");
    }

    [Fact]
    public async Task DaemonSet_CountsItsPods_WhenTheyAreAvailable()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.ApplyAsync($"{{ apiVersion: apps/v1, kind: DaemonSet, metadata: {{ name: slow }}, spec: {{ {Spec} }} }}");
        await WaitForAsync(kubectl, "daemonset", "{.status.numberReady} {.status.numberUnavailable} {.status.numberAvailable}", "1 1 ");

        await ShortenAsync(kubectl, "daemonset");

        await WaitForAsync(kubectl, "daemonset", "{.status.numberReady} {.status.numberAvailable} {.status.numberUnavailable}", "1 1 ");
    }
}
