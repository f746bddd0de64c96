using System.Net.WebSockets;
using System.Text;
using System.Text.RegularExpressions;
using Xunit;

namespace Fairlead.System;

/// <summary>Logs over a WebSocket, as clients in browsers read them.</summary>
public sealed partial class LogSocketTests(Cluster cluster)
{
    [Theory]
    [InlineData("binary.k8s.io", "out 1\nout 2\n")]
    [InlineData("base64.binary.k8s.io", "b3V0IDEKb3V0IDIK")]
    public async Task Logs_OverAWebSocket_ComeWholeAndSayGoodbye(string protocol, string expected)
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync(["run", "said", "--restart=Never", "--image=fairlead/host", "--command", "--", "sh", "-c", "echo out 1; echo out 2"]);
        await kubectl.RunAsync(["wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/said", "--timeout=60s"]);
        using var proxy = Command.Start("kubectl", ["--kubeconfig", cluster.Kubeconfig, "proxy", "--port=0"], null);
        try
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            var port = Address().Match(await proxy.StandardOutput.ReadLineAsync(patience.Token) ?? "").Groups[1].Value;
            using var socket = new ClientWebSocket();
            socket.Options.AddSubProtocol(protocol);
            await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{port}/api/v1/namespaces/{kubectl.Namespace}/pods/said/log"), patience.Token);

            Assert.Equal((protocol, expected), (socket.SubProtocol, await ReadAsync(socket, patience.Token)));
        }
        finally
        {
            proxy.Kill();
        }
    }

    private static async Task<string> ReadAsync(ClientWebSocket socket, CancellationToken cancel)
    {
        var (text, buffer) = (new StringBuilder(), new byte[4096]);
        while (await socket.ReceiveAsync(buffer.AsMemory(), cancel) is { MessageType: not WebSocketMessageType.Close } part) text.Append(Encoding.UTF8.GetString(buffer, 0, part.Count));
        return text.ToString();
    }

    [GeneratedRegex(@"^Starting to serve on 127\.0\.0\.1:(\d+)")]
    private static partial Regex Address();
}
