using System.Net;
using System.Net.Sockets;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Sockets;
using Fairlead.LoadBalancer.Bgp;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Fairlead.Unit.LoadBalancer.Bgp;

/// <summary>Sessions one after the other.</summary>
public sealed class BgpPeeringTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly ScriptedPeer _peer = new();
    private readonly RememberedLog _log = new();
    private readonly NetworkNamespace _network = NetworkNamespace.OpenCurrent();
    private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
    private readonly CancellationTokenSource _deadline = new(TimeSpan.FromSeconds(20));

    private CancellationToken Cancel => _deadline.Token;

    [Fact]
    public async Task RunAsync_SessionEnds_ComesBackAfterASecondAndLaterEachTimeThatItIsInVain()
    {
        var running = Start();
        await _peer.EstablishAsync(Cancel);
        await _peer.SendAsync(ScriptedPeer.Cease, Cancel);
        _peer.Close();
        Assert.Equal("node node1: BGP peer PEER: session ended: it sent a NOTIFICATION: cease: administrative shutdown; trying again in 1 s", await LoggedAsync(2));

        foreach (var seconds in (int[])[1, 2, 4])
        {
            _time.Advance(TimeSpan.FromSeconds(seconds));
            await _peer.AcceptAsync(Cancel);
            await _peer.SendAsync("M 0013 09", Cancel);
            await _peer.ExpectAsync(1, Cancel);
            _peer.Close();
            await LoggedAsync(seconds == 1 ? 3 : seconds == 2 ? 4 : 5);
        }
        // The same again is for those who look for it.
        Assert.Equal(
            [LogLevel.Information, LogLevel.Warning, LogLevel.Warning, LogLevel.Debug, LogLevel.Debug], _log.Lines.Select(line => line.Level));
        Assert.EndsWith("no session: message header error: bad message type of what it sent; trying again in 2 s", _log.Lines[2].Text, StringComparison.Ordinal);

        await _stop.CancelAsync();
        await running;
    }

    [Fact]
    public async Task RunAsync_NobodyListens_SaysSoAndTriesAgain()
    {
        var nobody = new IPEndPoint(Loopback.Next(), 179);
        var running = Start(new BgpPeer(nobody, 64512));

        Assert.Equal($"node node1: BGP peer {nobody}: no session: Connection refused; trying again in 1 s", await LoggedAsync(1));

        await _stop.CancelAsync();
        await running;
    }

    [Fact]
    public async Task RunAsync_Stopped_SaysGoodByeAndCloses()
    {
        var running = Start();
        await _peer.EstablishAsync(Cancel);
        await LoggedAsync(1);

        await _stop.CancelAsync();

        Assert.Equal("0602", await _peer.ExpectAsync(3, Cancel));
        Assert.True(await _peer.IsAtEndAsync(Cancel));
        _peer.Close();
        await running;
        Assert.Single(_log.Lines);
    }

    [Fact]
    public async Task RunAsync_WithAPassword_IsHeardByAPeerWithTheSame()
    {
        TcpSignature.Require(_peer.Listener, IPAddress.Loopback, "s3cret");
        var running = Start(new BgpPeer(_peer.EndPoint, 64512) { Password = "s3cret" });

        await _peer.EstablishAsync(Cancel);

        await _stop.CancelAsync();
        Assert.Equal("0602", await _peer.ExpectAsync(3, Cancel));
        _peer.Close();
        await running;
    }

    [Fact]
    public async Task Require_AnotherPassword_IsNotHeard()
    {
        TcpSignature.Require(_peer.Listener, IPAddress.Loopback, "s3cret");
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        TcpSignature.Require(socket, _peer.EndPoint.Address, "other");

        // The kernel drops what is signed wrongly, so there is not even a refusal.
        await Assert.ThrowsAsync<TimeoutException>(() => socket.ConnectAsync(_peer.EndPoint, Cancel).AsTask().WaitAsync(TimeSpan.FromMilliseconds(300), TimeProvider.System, Cancel));
    }

    private Task Start(BgpPeer? other = null)
    {
        var peer = other ?? new BgpPeer(_peer.EndPoint, 64512);
        var speaker = new Speaker(new BgpOptions(64513, [peer]), peer, 0xC0000201, new AnnouncedPrefixes(), new PeerCounters(peer));
        return new BgpPeering(_network, "node1", speaker, _log, _time).RunAsync(_stop.Token);
    }

    /// <summary>The line of that number, once it is there and the peering waits.</summary>
    private async Task<string> LoggedAsync(int number)
    {
        while (_log.Lines.Count < number) await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, Cancel);
        return _log.Lines[number - 1].Text.Replace(_peer.EndPoint.ToString(), "PEER", StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _peer.Dispose();
        _network.Dispose();
        _stop.Dispose();
        _deadline.Dispose();
    }

    private sealed class RememberedLog : ILogger
    {
        private readonly List<(LogLevel Level, string Text)> _lines = [];

        public IReadOnlyList<(LogLevel Level, string Text)> Lines
        {
            get
            {
                lock (_lines) return [.. _lines];
            }
        }

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (_lines) _lines.Add((logLevel, formatter(state, exception)));
        }
    }
}
