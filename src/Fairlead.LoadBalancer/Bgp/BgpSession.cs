using System.Net;
using System.Net.Sockets;
using Fairlead.LoadBalancer.Bgp.Wire;

namespace Fairlead.LoadBalancer.Bgp;

/// <param name="Reason">In words, for a log line that names the peer.</param>
/// <param name="WasUp">It had come to Established.</param>
internal sealed record SessionEnd(string Reason, bool WasUp);

/// <summary>Who speaks: what of a session does not change from one connection to the next.</summary>
/// <param name="Identifier">This speaker's, in the order of the network.</param>
internal sealed record Speaker(BgpOptions Options, BgpPeer Peer, uint Identifier, AnnouncedPrefixes Prefixes, PeerCounters Counters);

/// <summary>
/// One session over one connection, from OPEN to its end (RFC 4271 section 8). It was opened from here, and none is accepted, so
/// of the state machine three states are left: OpenSent, OpenConfirm and Established, which are the three methods below.
/// </summary>
/// <param name="nextHop">This end of the connection.</param>
internal sealed class BgpSession(Stream stream, IPAddress nextHop, Speaker speaker, Action<SessionTerms> onUp, TimeProvider time)
{
    // RFC 4271 section 8.2.2 suggests it for the wait for an OPEN.
    private static readonly TimeSpan LargeHold = TimeSpan.FromMinutes(4);

    // RFC 9687: a peer that keeps alive but takes nothing.
    private static readonly TimeSpan SendHold = TimeSpan.FromMinutes(8);
    private static readonly TimeSpan FarewellPatience = TimeSpan.FromSeconds(1);
    private readonly byte[] _buffer = new byte[BgpDecoder.LongestMessage];
    private TaskCompletionSource _refresh = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _isUp;

    private BgpPeer Peer => speaker.Peer;

    /// <summary>Runs until the session ends; cancelling ends it with a CEASE, upon which the peer forgets its routes at once.</summary>
    public async Task<SessionEnd> RunAsync(CancellationToken cancel)
    {
        try
        {
            return await OpenSentAsync(cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return await EndAsync(BgpFault.AdministrativeShutdown, "stopped here");
        }
        catch (OperationCanceledException)
        {
            return Lost("it takes nothing");
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            return Lost(e.Message);
        }
        finally
        {
            speaker.Counters.Down();
        }
    }

    private async Task<SessionEnd> OpenSentAsync(CancellationToken cancel)
    {
        await SendAsync(BgpEncoder.Open(speaker.Options.LocalAs, (ushort)Peer.HoldTime.TotalSeconds, speaker.Identifier, nextHop.AddressFamily), cancel);
        var answer = await ReadAsync(LargeHold, cancel);
        if (answer.Message is not OpenMessage open) return await EndAsync(answer, BgpFault.UnexpectedInOpenSent);
        if (SessionTerms.Agree(speaker.Options, Peer, speaker.Identifier, nextHop, open, out var fault) is not { } terms)
            return await EndAsync(fault!, fault == BgpFault.BadPeerAs ? $"{fault} (it is of AS {open.As}, not {Peer.As})" : fault!.ToString());
        await SendAsync(BgpEncoder.Keepalive(), cancel);
        return await OpenConfirmAsync(terms, cancel);
    }

    private async Task<SessionEnd> OpenConfirmAsync(SessionTerms terms, CancellationToken cancel)
    {
        var confirmed = await ReadAsync(terms.Hold, cancel);
        if (confirmed.Message is not KeepaliveMessage) return await EndAsync(confirmed, BgpFault.UnexpectedInOpenConfirm);
        _isUp = true;
        speaker.Counters.Up();
        onUp(terms);
        return await EstablishedAsync(terms, cancel);
    }

    private async Task<SessionEnd> EstablishedAsync(SessionTerms terms, CancellationToken cancel)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var reading = ReadUntilEndAsync(terms, over.Token);
        var writing = AnnounceAsync(terms, over.Token);
        await Task.WhenAny(reading, writing);
        await over.CancelAsync();
        await Task.WhenAll(reading, writing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancel.ThrowIfCancellationRequested();
        if (reading.IsCompletedSuccessfully) return await EndAsync(await reading, BgpFault.UnexpectedInEstablished);
        await writing;
        return Lost("unexpectedly");
    }

    /// <summary>Answers the first that ends the session.</summary>
    private async Task<Received> ReadUntilEndAsync(SessionTerms terms, CancellationToken cancel)
    {
        while (true)
        {
            var next = await ReadAsync(terms.Hold, cancel);
            if (next.Message is RouteRefreshMessage refresh)
            {
                if (refresh.Family == terms.Family) Volatile.Read(ref _refresh).TrySetResult();
            }
            else if (next.Message is not (KeepaliveMessage or UpdateMessage)) return next;
        }
    }

    /// <summary>Sends what differs between what the peer has and what it is to have, and keeps the session alive; the only one that writes.</summary>
    private async Task AnnounceAsync(SessionTerms terms, CancellationToken cancel)
    {
        HashSet<IPAddress> sent = [];
        using var keepalive = terms.Hold > TimeSpan.Zero ? new PeriodicTimer(terms.Hold / 3, time) : null;
        var tick = NextTick();
        while (true)
        {
            var wanted = speaker.Prefixes.Current;
            var refresh = Volatile.Read(ref _refresh);
            await SendDifferenceAsync(terms, sent, wanted.Addresses.Where(address => address.AddressFamily == terms.Family).ToHashSet(), cancel);
            await Task.WhenAny(wanted.Replaced, refresh.Task, tick);
            if (refresh.Task.IsCompleted)
            {
                Volatile.Write(ref _refresh, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
                sent.Clear();
            }
            if (!tick.IsCompleted) continue;
            await tick;
            await SendAsync(BgpEncoder.Keepalive(), cancel);
            tick = NextTick();
        }

        Task NextTick() => keepalive?.WaitForNextTickAsync(cancel).AsTask() ?? Task.Delay(Timeout.InfiniteTimeSpan, time, cancel);
    }

    private async Task SendDifferenceAsync(SessionTerms terms, HashSet<IPAddress> sent, HashSet<IPAddress> wanted, CancellationToken cancel)
    {
        var (gone, fresh) = (sent.Except(wanted).ToList(), wanted.Except(sent).ToList());
        speaker.Counters.Pending(gone.Count + fresh.Count);
        foreach (var update in BgpEncoder.Withdraw(gone, terms.Family).Concat(BgpEncoder.Announce(fresh, terms.Attributes)))
        {
            await SendAsync(update, cancel);
            speaker.Counters.Update();
        }
        sent.ExceptWith(gone);
        sent.UnionWith(fresh);
        speaker.Counters.Announced(sent.Count);
    }

    /// <param name="Message">Null: it ended, by a fault to be told or without a word.</param>
    private readonly record struct Received(BgpMessage? Message, BgpFault? Fault, string Words);

    private async Task<Received> ReadAsync(TimeSpan hold, CancellationToken cancel)
    {
        using var patience = new CancellationTokenSource(hold > TimeSpan.Zero ? hold : Timeout.InfiniteTimeSpan, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancel);
        try
        {
            await stream.ReadExactlyAsync(_buffer.AsMemory(0, BgpDecoder.HeaderLength), either.Token);
            if (!BgpDecoder.TryReadHeader(_buffer.AsSpan(0, BgpDecoder.HeaderLength), out var type, out var length, out var broken)) return new(null, broken, $"{broken} of what it sent");
            await stream.ReadExactlyAsync(_buffer.AsMemory(0, length), either.Token);
            var message = BgpDecoder.Decode(type, _buffer.AsSpan(0, length), out var fault);
            return new(message, fault, fault is null ? "" : $"{fault} of what it sent");
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return new(null, BgpFault.HoldTimerExpired, $"{BgpFault.HoldTimerExpired}: nothing from it for {hold.TotalSeconds:F0} s");
        }
        catch (EndOfStreamException)
        {
            return new(null, null, "it closed the connection");
        }
    }

    private async Task SendAsync(byte[] message, CancellationToken cancel)
    {
        using var patience = new CancellationTokenSource(SendHold, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancel);
        await stream.WriteAsync(message, either.Token);
    }

    private async Task<SessionEnd> EndAsync(Received received, BgpFault unexpected) => received switch
    {
        { Message: NotificationMessage said } => Lost($"it sent a NOTIFICATION: {said.Fault}"),
        { Message: { } message } => await EndAsync(unexpected, $"{unexpected} of type {message.GetType().Name.Replace("Message", "", StringComparison.Ordinal)}"),
        { Fault: { } fault } => await EndAsync(fault, received.Words),
        _ => Lost(received.Words),
    };

    private SessionEnd Lost(string reason) => new(reason, _isUp);

    private async Task<SessionEnd> EndAsync(BgpFault fault, string reason)
    {
        using var patience = new CancellationTokenSource(FarewellPatience, time);
        try
        {
            await stream.WriteAsync(BgpEncoder.Notification(fault), patience.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // It is gone already; there is nobody to tell.
        }
        return Lost(reason);
    }
}
