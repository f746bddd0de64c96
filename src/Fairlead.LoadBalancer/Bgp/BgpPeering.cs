using System.Net;
using System.Net.Sockets;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Sockets;
using Microsoft.Extensions.Logging;

namespace Fairlead.LoadBalancer.Bgp;

/// <summary>Keeps a session with one peer: connects, and after each end again, later each time that it comes to nothing.</summary>
internal sealed class BgpPeering(NetworkNamespace network, string node, Speaker speaker, ILogger log, TimeProvider time)
{
    private static readonly TimeSpan ConnectPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan FirstBackOff = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestBackOff = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ClosePatience = TimeSpan.FromSeconds(1);
    private string? _lastReason;

    private BgpPeer Peer => speaker.Peer;

    /// <summary>Runs until cancelled, and then says good-bye.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        var backOff = FirstBackOff;
        while (!cancel.IsCancellationRequested)
        {
            var end = await ConnectAsync(cancel);
            if (cancel.IsCancellationRequested) break;
            if (end.WasUp) backOff = FirstBackOff;
            var pause = Task.Delay(backOff, time, cancel);
            Tell(end, backOff);
            await pause.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            backOff = backOff * 2 < LongestBackOff ? backOff * 2 : LongestBackOff;
        }
    }

    private async Task<SessionEnd> ConnectAsync(CancellationToken cancel)
    {
        try
        {
            using var socket = network.CreateSocket(Peer.EndPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.NoDelay = true;
            if (Peer.Password is { } password) TcpSignature.Require(socket, Peer.EndPoint.Address, password);
            using (var patience = new CancellationTokenSource(ConnectPatience, time))
            using (var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancel)) await socket.ConnectAsync(Peer.EndPoint, either.Token);
            var here = ((IPEndPoint)socket.LocalEndPoint!).Address;
            await using var stream = new NetworkStream(socket);
            var end = await new BgpSession(stream, here, speaker, Up, time).RunAsync(cancel);
            await CloseAsync(socket, stream);
            return end;
        }
        catch (OperationCanceledException)
        {
            return new SessionEnd($"no connection within {ConnectPatience.TotalSeconds:F0} s", false);
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            return new SessionEnd(e.Message, false);
        }
        catch (Exception e)
        {
            BgpLog.Failed(log, e, node, Peer.ToString());
            return new SessionEnd(e.Message, false);
        }
    }

    /// <summary>What was sent last must be read: a connection that is closed with unread input is reset, and the peer may then never see it.</summary>
    private async Task CloseAsync(Socket socket, NetworkStream stream)
    {
        using var patience = new CancellationTokenSource(ClosePatience, time);
        try
        {
            socket.Shutdown(SocketShutdown.Send);
            var rest = new byte[1024];
            while (await stream.ReadAsync(rest, patience.Token) > 0)
            {
                // Until the peer has closed as well.
            }
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
        {
            // It is closed in any case.
        }
    }

    private void Up(SessionTerms terms)
    {
        _lastReason = null;
        BgpLog.Up(log, node, Peer.ToString(), Peer.As, terms.Hold.TotalSeconds);
    }

    /// <summary>The same failure again and again is told once.</summary>
    private void Tell(SessionEnd end, TimeSpan backOff)
    {
        if (end.Reason == _lastReason) BgpLog.DownAgain(log, node, Peer.ToString(), end.Reason, backOff.TotalSeconds);
        else BgpLog.Down(log, node, Peer.ToString(), end.WasUp ? "session ended" : "no session", end.Reason, backOff.TotalSeconds);
        _lastReason = end.Reason;
    }
}
