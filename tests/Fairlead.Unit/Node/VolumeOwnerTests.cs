using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Node;

/// <summary>fsGroup and runAsUser on volumes, as containers see them.</summary>
public sealed class VolumeOwnerTests
{
    [Theory]
    [InlineData(null, null, "0:0 644", "0:0 440", "0:0 777", "0:0 1777")]
    [InlineData(10000, null, "0:10000 640", "0:10000 440", "0:10000 2777", "0:10000 3777")]
    [InlineData(null, 1000, "1000:0 600", "0:0 440", "0:0 777", "0:0 1777")]
    [InlineData(10000, 1000, "1000:10000 640", "0:10000 440", "0:10000 2777", "0:10000 3777")]
    public async Task Volumes_BelongToThePodsGroup_AndTokensToItsUser(int? group, int? user, string token, string map, string empty, string memory)
    {
        await using var node = NodeHarness.Start();
        node.Api.PutConfigMap("settings", "colour", "blue");
        V1Volume[] volumes =
        [
            new() { Name = "token", Projected = new V1ProjectedVolumeSource { Sources = [new() { ServiceAccountToken = new V1ServiceAccountTokenProjection { Path = "token" } }] } },
            new() { Name = "map", ConfigMap = new V1ConfigMapVolumeSource { Name = "settings", DefaultMode = 0b100_100_000 } },
            new() { Name = "empty", EmptyDir = new V1EmptyDirVolumeSource() },
            new() { Name = "memory", EmptyDir = new V1EmptyDirVolumeSource { Medium = "Memory" } },
        ];
        var pod = node.Run("owned", p =>
        {
            p.Spec.SecurityContext = new V1PodSecurityContext { FsGroup = group, RunAsUser = user };
            p.Spec.Volumes = volumes;
            p.Spec.Containers[0].VolumeMounts = [.. volumes.Select(volume => new V1VolumeMount { Name = volume.Name, MountPath = $"/mnt/{volume.Name}" }), new V1VolumeMount { Name = "empty", SubPath = "new/below", MountPath = "/mnt/below" }];
        }, "/bin/sh", "-c", "echo $(stat -L -c '%u:%g %a' /mnt/token/token /mnt/map/colour /mnt/empty /mnt/below /mnt/memory); sleep 1000");
        await node.Api.WaitAsync("owned", p => p?.Status?.Phase == "Running", "running");

        await node.WaitForLogAsync(pod, $"F {token} {map} {empty} {empty} {memory}");
    }
}
