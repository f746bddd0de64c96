using System.Net.Sockets;
using Fairlead.Node.Runtime;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Streaming.PortForward;

/// <summary>A client's side of one forwarded connection.</summary>
internal interface IForwardedConnection
{
    /// <summary>The client took the connection back: nothing that is still sent would be read.</summary>
    bool IsReset { get; }

    /// <summary>0: the client sends no more.</summary>
    ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancel);

    ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel);

    /// <summary>The pod sends no more.</summary>
    ValueTask CompleteAsync(CancellationToken cancel);

    ValueTask FailAsync(string message, CancellationToken cancel);
}

/// <summary>Joins connections of a client with connections to a pod's ports.</summary>
internal sealed class PortForwarder(string podUid, Func<int, CancellationToken, Task<Socket>> dial, TimeProvider time, ILogger log)
{
    private const int BufferBytes = 32 * 1024;

    /// <summary>What a client may still send when the pod has said all, as containerd has it.</summary>
    private static readonly TimeSpan AfterEnd = TimeSpan.FromSeconds(1);

    /// <summary>Until both directions have ended; neither connection stays.</summary>
    public async Task ForwardAsync(IForwardedConnection client, int port, CancellationToken cancel)
    {
        try
        {
            using var pod = await dial(port, cancel);
            await JoinAsync(client, pod, cancel);
        }
        catch (RuntimeException e)
        {
            // A kubelet names the sandbox here, and no UID.
            var message = $"error forwarding port {port} to pod {podUid}, uid : {e.Message}";
            StreamLog.NotForwarded(log, message);
            await client.FailAsync(message, cancel);
        }
    }

    private async Task JoinAsync(IForwardedConnection client, Socket pod, CancellationToken cancel)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var up = UpAsync(client, pod, over);
        await DownAsync(client, pod, over.Token);
        await client.CompleteAsync(cancel);
        using var late = new CancellationTokenSource(AfterEnd, time);
        await using var end = late.Token.UnsafeRegister(static state => ((CancellationTokenSource)state!).Cancel(), over);
        await up;
    }

    private static async Task UpAsync(IForwardedConnection client, Socket pod, CancellationTokenSource over)
    {
        var buffer = new byte[BufferBytes];
        try
        {
            while (await client.ReadAsync(buffer, over.Token) is var count and > 0)
            {
                for (var sent = 0; sent < count;) sent += await pod.SendAsync(buffer.AsMemory(sent, count - sent), over.Token);
            }
            if (client.IsReset) await over.CancelAsync();
            else pod.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or IOException or OperationCanceledException or ObjectDisposedException)
        {
            // The pod takes no more; what it still says goes down all the same.
        }
    }

    private static async Task DownAsync(IForwardedConnection client, Socket pod, CancellationToken cancel)
    {
        var buffer = new byte[BufferBytes];
        try
        {
            while (await pod.ReceiveAsync(buffer, cancel) is var count and > 0) await client.WriteAsync(buffer.AsMemory(0, count), cancel);
        }
        catch (Exception e) when (e is SocketException or IOException or OperationCanceledException)
        {
            // One of the two is gone, which is an end as well.
        }
    }
}
