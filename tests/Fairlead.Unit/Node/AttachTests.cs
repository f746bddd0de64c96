using System.Text;
using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Node;

/// <summary>attach, over real containers.</summary>
public sealed class AttachTests
{
    private static bool IsRunning(V1Pod? pod) => pod?.Status?.Phase == "Running";

    private static async Task<(NodeHarness Node, KubeletClient Kubelet)> StartAsync(Action<V1Container> change, string script)
    {
        var node = NodeHarness.Start();
        node.Run("a", p =>
        {
            p.Spec.RestartPolicy = "Never";
            change(p.Spec.Containers[0]);
        }, "/bin/sh", "-c", script);
        await node.Api.WaitAsync("a", IsRunning, "running");
        return (node, await KubeletClient.StartAsync(node));
    }

    [Fact]
    public async Task Attach_InputOnce_BothStreamsComeAndTheEndIsSeen()
    {
        var (node, kubelet) = await StartAsync(c => (c.Stdin, c.StdinOnce) = (true, true), "while read line; do echo out $line; echo err $line >&2; done; echo end");
        await using var _ = node;
        await using var __ = kubelet;
        var (output, errors, result) = await kubelet.ExecAsync("/attach/default/a/main?input=1&output=1&error=1", input: "one\ntwo\n");
        Assert.Equal("out one\nout two\nend\n", output);
        Assert.Equal("err one\nerr two\n", errors);
        Assert.Equal("Success", result!.Status);
        await node.Api.WaitAsync("a", p => p?.Status?.Phase == "Succeeded", "ended");
    }

    [Fact]
    public async Task Attach_Terminal_HasInputAndSize()
    {
        var (node, kubelet) = await StartAsync(c => (c.Stdin, c.Tty) = (true, true), "read go; while [ \"$(stty size)\" != '43 132' ]; do sleep 0.02; done; echo got $go; sleep 0.2");
        await using var _ = node;
        await using var __ = kubelet;
        using var socket = await kubelet.OpenAsync("/attach/default/a/main?input=1&output=1&tty=1", "v5.channel.k8s.io");
        await KubeletClient.SendAsync(socket, 4, Encoding.UTF8.GetBytes("{\"Width\":132,\"Height\":43}\n"));
        await KubeletClient.SendAsync(socket, 0, Encoding.UTF8.GetBytes("go\n"));
        var (output, _, result) = await KubeletClient.ReadAsync(socket);
        Assert.Contains("got go\r\n", output);
        Assert.Equal("Success", result!.Status);
    }

    [Fact]
    public async Task Attach_InputEndsThatIsNotOnce_ClientIsDetachedAndContainerLives()
    {
        var (node, kubelet) = await StartAsync(c => c.Stdin = true, "cat; echo closed");
        await using var _ = node;
        await using var __ = kubelet;
        var (output, _, result) = await kubelet.ExecAsync("/attach/default/a/main?input=1&output=1&error=1", input: "one\n");
        Assert.Equal("Success", result!.Status);
        Assert.DoesNotContain("closed", output);
        Assert.True(IsRunning(node.Api.Find("a")));
    }

    [Fact]
    public async Task Attach_ClientGone_ContainerLivesAndTakesTheNext()
    {
        var (node, kubelet) = await StartAsync(c => c.Stdin = true, "while read line; do echo out $line; done");
        await using var _ = node;
        await using var __ = kubelet;
        foreach (var word in (string[])["one", "two"])
        {
            using var socket = await kubelet.OpenAsync("/attach/default/a/main?input=1&output=1", "v4.channel.k8s.io");
            await KubeletClient.SendAsync(socket, 0, Encoding.UTF8.GetBytes(word + "\n"));
            while (await KubeletClient.ReceiveAsync(socket) is var (channel, text) && !text.Contains("out " + word)) Assert.NotEqual(3, channel);
            socket.Abort();
        }
        Assert.True(IsRunning(node.Api.Find("a")));
        Assert.Empty(Directory.EnumerateFileSystemEntries(node.Paths.AttachSockets));
    }
}
