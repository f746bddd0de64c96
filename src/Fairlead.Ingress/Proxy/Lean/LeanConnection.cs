using System.Net;
using System.Net.Security;
using System.Runtime.CompilerServices;
using System.Security.Authentication;
using Fairlead.Ingress.Proxy.Lean.Wire;
using Fairlead.Ingress.Tls;
using Fairlead.Linux.Sockets.Loop;

namespace Fairlead.Ingress.Proxy.Lean;

#pragma warning disable CA1001 // Its run ends with what it owns.
/// <summary>
/// One client's connection, from its first byte to its last, or to the request that Kestrel takes. It reads a head, decides by the rules that
/// Kestrel's path has too, and passes request and answer between two sockets of its loop. Hot: everything here runs on the loop's thread, in
/// coroutines that no scheduler sees; buffers and states are the loop's, and an idle connection holds none. One buffer holds the client's
/// bytes (<c>_in</c>), one what the pod gets and then its answer, one the answer's head as the client gets it.
/// </summary>
internal sealed partial class LeanConnection(LeanLoop owner, LoopSocket socket, IPAddress client, bool isTls)
{
    private static readonly TimeSpan IdlePatience = TimeSpan.FromSeconds(75);

    /// <summary>A connection that rests longer gives away what would make its next request a little cheaper.</summary>
    private static readonly TimeSpan BriefRest = TimeSpan.FromSeconds(2);
    private readonly ForwardedBlock _forwarded = new();
    private SslStream? _tls;
    private LoopStream? _below;
    private ClientVerdict? _verdict;

    /// <summary>The client as a load balancer in front told; null where none did.</summary>
    private IPEndPoint? _said;
    private byte[]? _in;
    private int _start;
    private int _end;
    private Exchange? _exchange;
    private bool _isIdle;
    private bool _isHanded;
    private bool _hasSaidEnd;

    private LeanRules Rules => owner.Rules;

    /// <summary>Serves until the connection ends or is Kestrel's.</summary>
    internal async Task RunAsync()
    {
#pragma warning disable CA1031 // The one ladder of a connection: it ends, the process lives.
        try
        {
            if (Policy.Contains(Rules.ProxyProtocolFrom, client) && !await ReadProxyHeaderAsync()) return;
            if (isTls && !await ShakeHandsAsync()) return;
            while (true)
            {
                // What the client sent ahead is in the buffer. The wait is here, where no coroutine of a request is left to be kept meanwhile.
                if (_start == _end)
                {
                    Rest();
                    var result = await AwakenedAsync(_tls is null ? BriefRest : IdlePatience);
                    if (result == LoopSocket.TimedOut && _tls is null)
                    {
                        _forwarded.Forget();
                        result = await AwakenedAsync(IdlePatience - BriefRest);
                    }
                    _isIdle = false;
                    if (result < 0) return;
                    _in = owner.Buffers.Rent();
                }
                if (!await ServeAsync()) return;
            }
        }
        catch (LoopFailure)
        {
            // The client went away.
        }
        catch (Exception e)
        {
            LeanLog.ConnectionFailed(Rules.Log, e, client.ToString());
        }
        finally
        {
            await End();
        }
#pragma warning restore CA1031
    }

    /// <summary>The server stops: a connection without a request ends, one with a request after it.</summary>
    internal void Stop()
    {
        if (_isIdle) socket.Cancel();
    }

    private async ValueTask End()
    {
        await owner.Loop.Enter();
        owner.Return(ref _exchange);
        owner.Buffers.Return(ref _in);
        if (!_isHanded)
        {
            if (_tls is not null)
            {
                await SayEndAsync();
                await _tls.DisposeAsync();
            }
            socket.Dispose();
        }
        owner.Ended(this);
    }

    /// <summary>TLS tells an end from a connection that was cut (RFC 8446, section 6.1).</summary>
    private async ValueTask SayEndAsync()
    {
        if (_tls is not { IsAuthenticated: true } || _hasSaidEnd || socket.IsClosed) return;
        _hasSaidEnd = true;
        try
        {
            await _tls.ShutdownAsync();
        }
        catch (IOException)
        {
            // It is gone already.
        }
    }

    private async Task<bool> ShakeHandsAsync()
    {
        _below = new LoopStream(socket, _in.AsSpan(_start, _end - _start).ToArray());
        (_start, _end) = (0, 0);
        _below.EndWithin(Rules.HeadPatience);
        _tls = new SslStream(_below, leaveInnerStreamOpen: true);
        try
        {
            await _tls.AuthenticateAsServerAsync((_, hello, _, _) => ValueTask.FromResult(Rules.Certificates.Choose(hello.ServerName, verdict => _verdict = verdict)), null);
        }
        catch (Exception e) when (e is AuthenticationException or IOException)
        {
            // Strangers knock with anything; nginx says as little.
            return false;
        }
        await owner.Loop.Enter();
        _below.EndWithin(Timeout.InfiniteTimeSpan);
        if (_tls.NegotiatedApplicationProtocol != SslApplicationProtocol.Http2) return true;
        HandOver();
        return false;
    }

    /// <summary>One request. False: the connection ends here.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> ServeAsync()
    {
        var exchange = _exchange ??= owner.RentExchange();
        var state = await ReadHeadAsync(exchange.Request.Head);
        var goesOn = false;
        switch (state)
        {
            case HeadState.Whole:
                exchange.Request.Place(_in!, _start);
                exchange.Start = owner.Loop.Now;
                goesOn = await DecideAsync(exchange);
                break;
            case HeadState.Declined:
                HandOver();
                return false;
            case HeadState.Refused:
                await AnswerAsync(exchange, exchange.Request.Head.Status, null, mustClose: true);
                await LingerAsync();
                break;
            default:
                return false;
        }
        if (goesOn) owner.Return(ref _exchange);
        return goesOn && !owner.IsStopping;
    }

    /// <summary>Nothing is held for the next request until its first byte is there.</summary>
    private void Rest()
    {
        owner.Buffers.Return(ref _in);
        (_start, _end) = (0, 0);
        _isIdle = true;
    }

    // TLS may hold bytes that the socket no longer has.
    private ValueTask<int> AwakenedAsync(TimeSpan patience) => _tls is null ? socket.ReadableAsync(patience) : ReceiveTlsAsync(Memory<byte>.Empty, patience);

    /// <summary>Reads until the head is whole or wrong. Unfinished: the client ended, or took too long and was told.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<HeadState> ReadHeadAsync(RequestHead head)
    {
        head.Clear();
        var begun = owner.Loop.Now;
        while (true)
        {
            if (_end > _start && head.Read(_in.AsSpan(_start, _end - _start)) is not HeadState.Unfinished and var state) return state;
            if (_end == _in!.Length) MakeRoom();
            var patience = Rules.HeadPatience - Rules.Time.GetElapsedTime(begun, owner.Loop.Now);
            var count = await ReceiveAsync(_in.AsMemory(_end), patience > TimeSpan.Zero ? patience : TimeSpan.Zero);
            if (count == LoopSocket.TimedOut && _end > _start) await AnswerAsync(_exchange!, 408, null, mustClose: true);
            if (count <= 0) return HeadState.Unfinished;
            _end += count;
        }
    }

    /// <summary>Moves the head to the buffer's front, or into a longer buffer. A refused head is never longer than the longest.</summary>
    private void MakeRoom()
    {
        var target = _start > 0 && _in!.Length == BufferPool.Large ? _in : _start > _in!.Length / 2 ? _in : owner.Buffers.Rent(BufferPool.Large);
        Buffer.BlockCopy(_in, _start, target, 0, _end - _start);
        (_start, _end) = (0, _end - _start);
        if (ReferenceEquals(target, _in)) return;
        owner.Buffers.Return(ref _in);
        _in = target;
    }

    /// <summary>Kestrel goes on from the first byte that was not served.</summary>
    private void HandOver()
    {
        _isHanded = true;
        socket.OnHangUp = null;
        var read = _in is null ? default : _in.AsSpan(_start, _end - _start);
        var descriptor = socket.Release();
        if (_tls is null) owner.Handover.Give(descriptor, _said, read);
        else owner.Handover.Give(descriptor, _said, read, _tls, _below!, _verdict);
    }

    private ValueTask<int> ReceiveAsync(Memory<byte> into, TimeSpan patience) => _tls is null ? socket.ReceiveAsync(into, patience) : ReceiveTlsAsync(into, patience);

    private ValueTask<int> SendAsync(ReadOnlyMemory<byte> from, TimeSpan patience) => _tls is null ? socket.SendAsync(from, patience) : SendTlsAsync(from, patience);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> ReceiveTlsAsync(Memory<byte> into, TimeSpan patience)
    {
        _below!.Patience = patience;
        try
        {
            return await _tls!.ReadAsync(into);
        }
        catch (LoopFailure e)
        {
            return e.Result;
        }
        catch (IOException)
        {
            return LoopSocket.Canceled;
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> SendTlsAsync(ReadOnlyMemory<byte> from, TimeSpan patience)
    {
        _below!.Patience = patience;
        try
        {
            await _tls!.WriteAsync(from);
            return from.Length;
        }
        catch (LoopFailure e)
        {
            return e.Result;
        }
        catch (IOException)
        {
            return LoopSocket.Canceled;
        }
    }
}
