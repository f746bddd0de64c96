using System.Net;
using System.Net.Sockets;
using Fairlead.LoadBalancer.Bgp;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Fairlead.Unit.LoadBalancer.Bgp;

/// <summary>One session with a peer that follows a script; time stands still unless a test moves it.</summary>
public sealed class BgpSessionTests : IDisposable
{
    private const string Route1 = "20C0000201", Route2 = "20C0000202";
    private readonly FakeTimeProvider _time = new();
    private readonly ScriptedPeer _peer = new();
    private readonly AnnouncedPrefixes _prefixes = new();
    private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
    private readonly CancellationTokenSource _deadline = new(TimeSpan.FromSeconds(20));
    private readonly PeerCounters _counters;
    private readonly BgpPeer _named;

    public BgpSessionTests()
    {
        _named = new BgpPeer(_peer.EndPoint, 64512);
        _counters = new PeerCounters(_named);
    }

    private CancellationToken Cancel => _deadline.Token;

    [Fact]
    public async Task RunAsync_Established_AnnouncesDifferencesAndCeasesWhenStopped()
    {
        Announce("192.0.2.1");
        var running = Start();
        await _peer.EstablishAsync(Cancel);

        var first = await _peer.ExpectAsync(2, Cancel);
        Assert.StartsWith("0000", first, StringComparison.Ordinal);
        Assert.EndsWith(Route1, first, StringComparison.Ordinal);
        Announce("192.0.2.1", "192.0.2.2", "2001:db8::1");
        Assert.EndsWith(Route2, await _peer.ExpectAsync(2, Cancel), StringComparison.Ordinal);
        Announce("192.0.2.2");
        Assert.Equal("0005" + Route1 + "0000", await _peer.ExpectAsync(2, Cancel));
        Assert.Equal((true, 3L, 1), (_counters.IsUp, _counters.Updates, _counters.AnnouncedPrefixes));

        await _stop.CancelAsync();
        Assert.Equal("0602", await _peer.ExpectAsync(3, Cancel));
        Assert.Equal(new SessionEnd("stopped here", true), await running);
        Assert.Equal((false, 0), (_counters.IsUp, _counters.AnnouncedPrefixes));
    }

    [Fact]
    public async Task RunAsync_PeerAsksForARefresh_AllIsToldAgain()
    {
        Announce("192.0.2.1");
        var running = Start();
        await _peer.EstablishAsync(Cancel);
        var first = await _peer.ExpectAsync(2, Cancel);

        // Another family is no concern of this session.
        await _peer.SendAsync("M 0017 05 0002 00 01", Cancel);
        await _peer.SendAsync("M 0017 05 0001 00 01", Cancel);

        Assert.Equal(first, await _peer.ExpectAsync(2, Cancel));
        await _peer.SendAsync(ScriptedPeer.Cease, Cancel);
        await running;
        Assert.Equal(2, _counters.Updates);
    }

    [Fact]
    public async Task RunAsync_TimePasses_KeepsAliveAndLivesAsLongAsThePeerDoes()
    {
        Announce("192.0.2.1");
        var running = Start();
        await _peer.EstablishAsync(Cancel);
        await _peer.ExpectAsync(2, Cancel);

        _time.Advance(TimeSpan.FromSeconds(30));
        await _peer.ExpectAsync(4, Cancel);
        _time.Advance(TimeSpan.FromSeconds(50));
        await _peer.SendAsync("M 0017 05 0001 00 01", Cancel);
        await _peer.ExpectAsync(2, Cancel);
        _time.Advance(TimeSpan.FromSeconds(50));
        Assert.False(running.IsCompleted);

        _time.Advance(TimeSpan.FromSeconds(41));
        Assert.Equal("0400", await _peer.ExpectAsync(3, Cancel));
        Assert.Equal(new SessionEnd("hold timer expired: nothing from it for 90 s", true), await running);
    }

    [Fact]
    public async Task RunAsync_PeerNeverOpens_IsGivenUp()
    {
        var running = Start();
        await _peer.AcceptAsync(Cancel);
        await _peer.ExpectAsync(1, Cancel);

        // The peer has the OPEN a moment before the wait for its answer begins.
        var told = _peer.ExpectAsync(3, Cancel);
        while (!told.IsCompleted)
        {
            _time.Advance(TimeSpan.FromMinutes(1));
            await Task.WhenAny(told, Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Cancel));
        }

        Assert.Equal("0400", await told);
        Assert.False((await running).WasUp);
    }

    /// <summary>What the peer sends first, and then → the NOTIFICATION it gets, if any, and what the log says.</summary>
    [Theory]
    [InlineData("M 001D 01 04 FDE7 005A C0000209 00", "", "0202", "OPEN message error: bad peer AS (it is of AS 64999, not 64512)")]
    [InlineData("M 001D 01 03 FC00 005A C0000209 00", "", "02010004", "OPEN message error: unsupported version number of what it sent")]
    [InlineData("M 001D 01 04 FC00 0002 C0000209 00", "", "0206", "OPEN message error: unacceptable hold time")]
    [InlineData("M 0025 01 04 FC00 005A C0000209 08 02 06 01 04 0002 00 01", "", "0207010400010001", "OPEN message error: unsupported capability")]
    [InlineData(ScriptedPeer.Keepalive, "", "0501", "unexpected message: in OpenSent of type Keepalive")]
    [InlineData(ScriptedPeer.Cease, "", "", "it sent a NOTIFICATION: cease: administrative shutdown")]
    [InlineData(ScriptedPeer.Open, "M 0017 02 0000 0000", "0502", "unexpected message: in OpenConfirm of type Update")]
    [InlineData("474554202F20485454502F312E310D0A0D0A0D", "", "0101", "message header error: connection not synchronized of what it sent")]
    public async Task RunAsync_OpeningGoesWrong_PeerIsToldAndTheReasonIsKept(string first, string second, string notification, string reason)
    {
        var running = Start();
        await _peer.AcceptAsync(Cancel);
        await _peer.ExpectAsync(1, Cancel);

        await _peer.SendAsync(first, Cancel);
        if (second.Length > 0) await _peer.SendAsync(second, Cancel);

        if (notification.Length > 0) Assert.Equal(notification, await _peer.ExpectAsync(3, Cancel));
        Assert.Equal(new SessionEnd(reason, false), await running);
    }

    [Theory]
    [InlineData("M 0013 07", "010307", "message header error: bad message type of what it sent")]
    [InlineData("M 0017 02 FFFF 0000", "0301", "UPDATE message error: malformed attribute list of what it sent")]
    [InlineData(ScriptedPeer.Open, "0503", "unexpected message: in Established of type Open")]
    [InlineData("M 0016 03 06 04 00", "", "it sent a NOTIFICATION: cease: administrative reset")]
    public async Task RunAsync_EstablishedAndThenWrong_PeerIsToldAndTheReasonIsKept(string sent, string notification, string reason)
    {
        var running = Start();
        await _peer.EstablishAsync(Cancel);

        await _peer.SendAsync(sent, Cancel);

        if (notification.Length > 0) Assert.Equal(notification, await _peer.ExpectAsync(3, Cancel));
        Assert.Equal(new SessionEnd(reason, true), await running);
    }

    [Fact]
    public async Task RunAsync_PeerSendsRoutes_TheyArePassedOver()
    {
        var running = Start();
        await _peer.EstablishAsync(Cancel);

        await _peer.SendAsync("M 0030 02 0000 0014 40 01 01 00 40 02 06 02 01 0000FC00 40 03 04 7F000001 20 CB007101", Cancel);
        Announce("192.0.2.1");

        Assert.EndsWith(Route1, await _peer.ExpectAsync(2, Cancel), StringComparison.Ordinal);
        _peer.Close();
        Assert.True((await running).WasUp);
    }

    private void Announce(params string[] addresses) => _prefixes.Replace(new(addresses.Select(IPAddress.Parse)));

    private async Task<SessionEnd> Start()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(_peer.EndPoint, Cancel);
        await using var stream = new NetworkStream(socket);
        var speaker = new Speaker(new BgpOptions(64513, [_named]), _named, 0xC0000201, _prefixes, _counters);
        return await new BgpSession(stream, IPAddress.Parse("192.0.2.7"), speaker, _ => { }, _time).RunAsync(_stop.Token);
    }

    public void Dispose()
    {
        _peer.Dispose();
        _stop.Dispose();
        _deadline.Dispose();
    }
}
