using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Node;

public sealed class SeccompTests
{
    private const string Try = "grep -E '^Seccomp:' /proc/self/status; unshare -m true 2>/dev/null && echo may || echo may not; sleep 1000";

    [Theory]
    [InlineData(null, "Seccomp:\t0", "may not")]
    [InlineData("Unconfined", "Seccomp:\t0", "may not")]
    [InlineData("RuntimeDefault", "Seccomp:\t2", "may not")]
    public async Task Profile_OfThePod_IsInForce(string? type, string status, string outcome)
    {
        await using var node = NodeHarness.Start();
        var pod = node.Run("filtered", p => p.Spec.SecurityContext = type is null ? null : new V1PodSecurityContext { SeccompProfile = new V1SeccompProfile { Type = type } }, "/bin/sh", "-c", Try);
        await node.Api.WaitAsync("filtered", p => p?.Status?.Phase == "Running", "running");
        await node.WaitForLogAsync(pod, status);
        await node.WaitForLogAsync(pod, $"F {outcome}\n");
    }

    /// <summary>The capability would let it; without it in the profile's way, it may.</summary>
    [Theory]
    [InlineData("Unconfined", "may")]
    [InlineData("RuntimeDefault", "may")]
    [InlineData("Localhost", "may not")]
    public async Task Profile_OfAContainerWithTheCapability_LetsWhatTheCapabilityIsFor(string type, string outcome)
    {
        await using var node = NodeHarness.Start();
        Directory.CreateDirectory(node.Paths.Seccomp);
        File.WriteAllText($"{node.Paths.Seccomp}/strict.json", """{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["unshare"],"action":"SCMP_ACT_ERRNO"}]}""");
        var pod = node.Run("able", p => p.Spec.Containers[0].SecurityContext = new V1SecurityContext
        {
            Capabilities = new V1Capabilities { Add = ["SYS_ADMIN"] },
            SeccompProfile = new V1SeccompProfile { Type = type, LocalhostProfile = type == "Localhost" ? "strict.json" : null },
        }, "/bin/sh", "-c", Try);
        await node.Api.WaitAsync("able", p => p?.Status?.Phase == "Running", "running");
        await node.WaitForLogAsync(pod, $"F {outcome}\n");
    }

    [Theory]
    [InlineData("none.json", "cannot load seccomp profile")]
    [InlineData("../../../etc/passwd", "must be a relative path")]
    public async Task Profile_ThatIsNotThere_IsAConfigError(string file, string words)
    {
        await using var node = NodeHarness.Start();
        node.Run("lost", p => p.Spec.SecurityContext = new V1PodSecurityContext { SeccompProfile = new V1SeccompProfile { Type = "Localhost", LocalhostProfile = file } }, "/bin/true");
        var pod = await node.Api.WaitAsync("lost", p => p?.Status?.ContainerStatuses?[0].State.Waiting?.Reason == "CreateContainerConfigError", "refused");
        Assert.Contains(words, pod.Status.ContainerStatuses[0].State.Waiting.Message, StringComparison.Ordinal);
    }
}
