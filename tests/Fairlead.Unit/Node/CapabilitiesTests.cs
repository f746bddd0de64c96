using Fairlead.Node.Runtime.Oci;
using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Node;

public sealed class CapabilitiesTests
{
    [Theory]
    [InlineData("CapEff:\t0000000000000000", "")]
    [InlineData("CapEff:\t0000000000000401", "CAP_CHOWN CAP_NET_BIND_SERVICE")]
    [InlineData("CapEff:\t0000010001000000", "CAP_SYS_RESOURCE CAP_CHECKPOINT_RESTORE")]
    public void Held_AreThoseOfTheBits(string line, string expected) =>
        Assert.Equal(expected, string.Join(' ', Capabilities.Held(["Name:\tx", "CapPrm:\t000001ffffffffff", line])));

    [Fact]
    public async Task Privileged_Container_HasAllThatItsNodeHas()
    {
        await using var node = NodeHarness.Start();
        var pod = node.Run("strong", p => p.Spec.Containers[0].SecurityContext = new V1SecurityContext { Privileged = true }, "/bin/sh", "-c", "grep CapEff /proc/self/status; sleep 1000");
        await node.Api.WaitAsync("strong", p => p?.Status?.Phase == "Running", "running");

        await node.WaitForLogAsync(pod, File.ReadLines("/proc/self/status").First(line => line.StartsWith("CapEff", StringComparison.Ordinal)));
    }
}
