using Fairlead.Node.Volumes;
using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Node;

/// <summary>Files of mounted objects follow the objects, as soon as these change.</summary>
public sealed class VolumeRefreshTests
{
    private static V1Pod Mount(NodeHarness node, string name, string command, params V1Volume[] volumes) => node.Run(name, p =>
    {
        p.Metadata.Labels = new Dictionary<string, string> { ["app"] = "one" };
        p.Spec.Volumes = volumes;
        p.Spec.Containers[0].VolumeMounts = [.. volumes.Select(volume => new V1VolumeMount { Name = volume.Name, MountPath = $"/mnt/{volume.Name}" })];
    }, "/bin/sh", "-c", $"{command}; sleep 1000");

    [Fact]
    public async Task ConfigMap_Changed_IsSeenInTheContainerAtOnceAndWatchedOnce()
    {
        await using var node = NodeHarness.Start();
        node.Api.PutConfigMap("settings", "colour", "blue");
        var volume = new V1Volume { Name = "settings", ConfigMap = new V1ConfigMapVolumeSource { Name = "settings" } };
        var pod = Mount(node, "follows", "echo $(cat /mnt/settings/colour); while ! grep -q red /mnt/settings/colour; do sleep 0.05; done; echo turned; ls /mnt/settings", volume);
        Mount(node, "also", "true", volume);
        await node.Api.WaitAsync("follows", p => p?.Status?.Phase == "Running", "running");
        await node.Api.WaitAsync("also", p => p?.Status?.Phase == "Running", "running");
        await node.WaitForLogAsync(pod, "blue");
        Assert.Equal(new ObjectRef(false, "default", "settings"), Assert.Single(node.Api.Watches).Key);

        node.Api.PutConfigMap("settings", "colour", "red");
        await node.WaitForLogAsync(pod, "turned");

        foreach (var name in (string[])["follows", "also"]) node.Api.Delete(name, 0);
        foreach (var name in (string[])["follows", "also"]) await node.Api.WaitAsync(name, p => p is null, "gone");
        Assert.Empty(node.Api.Watches);
    }

    [Fact]
    public async Task ConfigMap_ThatComesLate_StartsThePodAtOnce()
    {
        await using var node = NodeHarness.Start();
        Mount(node, "late", "true", new V1Volume { Name = "settings", ConfigMap = new V1ConfigMapVolumeSource { Name = "late" } });
        await node.Api.WaitAsync("late", p => p?.Status?.ContainerStatuses is not null && node.Api.Events.Any(e => e.Reason == "FailedMount"), "waiting");
        node.Api.PutConfigMap("late", "a", "b");
        await node.Api.WaitAsync("late", p => p?.Status?.Phase == "Running", "running");
    }

    [Fact]
    public async Task Labels_Changed_AreSeenInTheDownwardVolume()
    {
        await using var node = NodeHarness.Start();
        var items = new[] { new V1DownwardAPIVolumeFile { Path = "labels", FieldRef = new V1ObjectFieldSelector { FieldPath = "metadata.labels" } } };
        var pod = Mount(node, "told", "while ! grep -q two /mnt/labels/labels; do sleep 0.05; done; echo $(cat /mnt/labels/labels)", new V1Volume { Name = "labels", DownwardAPI = new V1DownwardAPIVolumeSource { Items = items } });
        var now = await node.Api.WaitAsync("told", p => p?.Status?.Phase == "Running", "running");
        now.Metadata.Labels["app"] = "two";
        node.Api.Put(now);
        await node.WaitForLogAsync(pod, "F app=\"two\"");
    }

    [Fact]
    public async Task Token_OfARunningPod_IsKeptUntilItIsDueAndRenewedByTheNextAgent()
    {
        await using var node = NodeHarness.Start();
        var token = new V1VolumeProjection { ServiceAccountToken = new V1ServiceAccountTokenProjection { Path = "token", ExpirationSeconds = 600 } };
        var map = new V1VolumeProjection { ConfigMap = new V1ConfigMapProjection { Name = "settings" } };
        node.Api.PutConfigMap("settings", "colour", "blue");
        var pod = Mount(node, "signed", "while ! grep -q red /mnt/both/colour; do sleep 0.05; done; echo $(cat /mnt/both/token); while ! grep -q 2 /mnt/both/token; do sleep 0.05; done; echo renewed",
            new V1Volume { Name = "both", Projected = new V1ProjectedVolumeSource { Sources = [token, map] } });
        await node.Api.WaitAsync("signed", p => p?.Status?.Phase == "Running", "running");
        node.Api.PutConfigMap("settings", "colour", "red");
        await node.WaitForLogAsync(pod, "F token-1");
        Assert.Equal(TimeSpan.FromSeconds(480), PodVolumes.TokensDueAfter(pod));
        await node.RestartAgentAsync();
        await node.WaitForLogAsync(pod, "renewed");
    }
}
