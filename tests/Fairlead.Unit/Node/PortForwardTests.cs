using System.Net;
using System.Text;
using Fairlead.Linux.Namespaces;
using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Node;

/// <summary>port-forward over WebSocket channels, as the C# and Java clients ask for it; SPDY is for kubectl to show.</summary>
public sealed class PortForwardTests
{
    private static bool IsRunning(V1Pod? pod) => pod?.Status?.Phase == "Running";

    [Fact]
    public async Task Channels_DataAndPortFirst_ReachThePodsLoopback()
    {
        await using var node = NodeHarness.Start();
        var pod = node.Run("a", null, "/bin/sleep", "1000");
        await node.Api.WaitAsync("a", IsRunning, "running");
        await using var kubelet = await KubeletClient.StartAsync(node);
        using var network = NetworkNamespace.Open($"{node.Paths.Namespaces(pod.Metadata.Uid)}/net");
        using var listener = network.ListenTcp(new IPEndPoint(IPAddress.Loopback, 4660));

        using var client = await kubelet.OpenAsync("/portForward/default/a?ports=4660", "v4.channel.k8s.io");
        using var served = await listener.AcceptAsync().WaitAsync(TimeSpan.FromSeconds(10));
        Assert.Equal(((byte)0, "\x34\x12"), await KubeletClient.ReceiveAsync(client));
        Assert.Equal(((byte)1, "\x34\x12"), await KubeletClient.ReceiveAsync(client));
        await KubeletClient.SendAsync(client, 0, Encoding.UTF8.GetBytes("ping"));
        var buffer = new byte[16];
        Assert.Equal(4, await served.ReceiveAsync(buffer));
        await served.SendAsync(Encoding.UTF8.GetBytes("pong"));
        Assert.Equal(((byte)0, "pong"), await KubeletClient.ReceiveAsync(client));
        served.Shutdown(System.Net.Sockets.SocketShutdown.Both);
        Assert.Null(await KubeletClient.ReceiveAsync(client));
    }

    [Fact]
    public async Task Channels_NobodyListens_ErrorNamesBothFamilies()
    {
        await using var node = NodeHarness.Start();
        node.Run("a", null, "/bin/sleep", "1000");
        await node.Api.WaitAsync("a", IsRunning, "running");
        await using var kubelet = await KubeletClient.StartAsync(node);

        using var client = await kubelet.OpenAsync("/portForward/default/a?ports=9", "v4.channel.k8s.io");
        for (var i = 0; i < 2; i++) Assert.NotNull(await KubeletClient.ReceiveAsync(client));
        var (channel, text) = (await KubeletClient.ReceiveAsync(client))!.Value;

        Assert.Equal(1, channel);
        Assert.Contains("IPv4: dial tcp4 127.0.0.1:9: connect: connection refused IPv6 dial tcp6 [::1]:9: connect: ", text);
    }
}
