using System.Runtime.CompilerServices;
using Fairlead.Ingress.Proxy.Lean.Wire;
using Fairlead.Ingress.Routes;
using Fairlead.Linux.Sockets.Loop;

namespace Fairlead.Ingress.Proxy.Lean;

/// <summary>A request's way to a pod, to another where the first cannot be reached.</summary>
internal sealed partial class LeanConnection
{
    // Each endpoint once: when many pods end at the same moment, the slices tell of it a moment later.
    private const int MostAttempts = 16;
    private const int Passed = 0;
    private const int TryAnother = -1;
    private const int TryAgain = -2;

    /// <summary>As TryAnother, after nobody there had answered to the connection in time.</summary>
    private const int TryAnotherLate = -3;
    private const int ClientGone = 499;
    private const int RoomForOurFields = 2048;
    private LoopSocket? _pod;
    private Action? _onHangUp;
    private int _next;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> ForwardAsync(Exchange exchange, Route route)
    {
        var backend = route.Backend is { State.Endpoints.Length: > 0 } own ? own : route.Fallback ?? route.Backend;
        List<Endpoint>? tried = null;
        var result = 503;
        while (backend is not null && (tried?.Count ?? 0) < MostAttempts && Rules.Balancer.Pick(backend, route.Options, exchange.Request, tried ?? (IReadOnlyList<Endpoint>)[]) is { } endpoint)
        {
            if (endpoint.Address is null)
            {
                // A name: to be looked up, which takes its time.
                HandOver();
                return false;
            }
            exchange.Endpoint = endpoint;
            result = await AttemptAsync(exchange, route, endpoint, mayReuse: true);
            if (result == TryAgain) result = await AttemptAsync(exchange, route, endpoint, mayReuse: false);
            if (result is not (TryAnother or TryAgain or TryAnotherLate)) break;
            (tried ??= []).Add(endpoint);
            result = result == TryAnotherLate ? 504 : 502;
        }
        return await EndAsync(exchange, result);
    }

    /// <summary>False: the client's connection ends.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> EndAsync(Exchange exchange, int result)
    {
        if (result != Passed && !exchange.HasBegun && !exchange.ClientIsGone)
        {
            var head = exchange.Request.Head;
            var isConsumed = !head.HasBody || exchange.UploadIsOver;
            await AnswerAsync(exchange, result, null, mustClose: !isConsumed || head.WantsClose);
        }
        else if (result != Passed)
        {
            // It has half an answer: only a broken connection says that the rest will not come.
            exchange.MustClose = true;
            if (exchange.ClientIsGone && !exchange.HasBegun) exchange.Status = ClientGone;
            socket.Reset();
        }
        Record(exchange);
        if (!exchange.MustClose && (!exchange.Request.Head.HasBody || exchange.UploadIsOver))
        {
            TakeNext();
            return true;
        }
        var hasUnread = _next < _end || (exchange.Request.Head.HasBody && !exchange.UploadIsOver);
        if (hasUnread && !socket.IsClosed) await LingerAsync();
        return false;
    }

    private void TakeNext()
    {
        _start = _next;
        if (_leftover is null) return;
        owner.Buffers.Return(ref _in);
        (_in, _start, _end, _leftover) = (_leftover, _leftoverStart, _leftoverEnd, null);
    }

    /// <summary>One try. Passed, one of the tries above, or the status that tells the client of the failure.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> AttemptAsync(Exchange exchange, Route route, Endpoint endpoint, bool mayReuse)
    {
        var pod = mayReuse ? owner.Upstreams.Take(endpoint, mustBeSure: !exchange.Request.MayRepeat) : null;
        var wasUsed = pod is not null;
        if (pod is null)
        {
            pod = LoopSocket.StartConnect(owner.Loop, endpoint.Address!, out var error);
            if (pod is not null) error = await pod.ConnectedAsync(route.Options.ConnectTimeout);
            if (error < 0)
            {
                pod?.Dispose();
                endpoint.Failed(Rules.Time);
                return Failed(exchange, route, endpoint, error, error == LoopSocket.TimedOut ? TryAnotherLate : TryAnother);
            }
        }
        _pod = pod!;
        endpoint.Begin();
        Task? upload = null;
        var keeps = false;
        try
        {
            var sent = await SendHeadAsync(exchange, route, _pod);
            if (sent >= 0)
            {
                if (!exchange.UploadIsOver) upload = UploadAsync(exchange, route.Options, _pod);
                else WatchClient(exchange);
                var received = await ReceiveHeadAsync(exchange, route, _pod);
                if (received > 0)
                {
                    endpoint.Succeeded();
                    exchange.UpstreamTook = Rules.Time.GetElapsedTime(exchange.Start);
                    if (route.Options.Balancing == Annotations.Balancing.Ewma) endpoint.Observe(exchange.UpstreamTook, Rules.Time);
                    keeps = await RelayAsync(exchange, route, endpoint, _pod, received);
                    return exchange.IsPassed ? Passed : 502;
                }
                sent = received;
            }
            if (exchange.ClientIsGone) return ClientGone;
            if (exchange.UploadFailure != 0) return exchange.UploadFailure;
            if (sent == LoopSocket.TimedOut) return Failed(exchange, route, endpoint, sent, 504);
            var mayRepeat = exchange.Request.MayRepeat && !exchange.HasBegun;
            return Failed(exchange, route, endpoint, sent, !mayRepeat ? 502 : wasUsed ? TryAgain : TryAnother);
        }
        finally
        {
            socket.OnHangUp = null;
            if (upload is { IsCompleted: false }) await StopUploadAsync(exchange, upload);
            if (keeps && exchange.UploadIsOver) owner.Upstreams.Give(endpoint, _pod);
            else _pod.Dispose();
            owner.Buffers.Return(ref _answer);
            _pod = null;
            endpoint.End();
        }
    }

    private int Failed(Exchange exchange, Route route, Endpoint endpoint, int error, int result)
    {
        // A connection that the pod had closed meanwhile is no failure of the pod.
        if (result == TryAgain) return result;
        route.Metrics.UpstreamFailed();
        LeanLog.UpstreamFailed(Rules.Log, exchange.Request.Id, endpoint.Authority, route.Ingress.ToString(), error);
        return result;
    }

    /// <summary>Sends the head, and what of the body has come with it.</summary>
    private ValueTask<int> SendHeadAsync(Exchange exchange, Route route, LoopSocket pod)
    {
        var request = exchange.Request;
        var head = request.Head;
        _forwarded.Make(Rules.Forwarded, route, request);
        var body = _start + head.Length;
        var bodyInBuffer = head.BodyLength > 0 ? (int)Math.Min(head.BodyLength, _end - body) : 0;
        var room = head.Length + _forwarded.Bytes.Length + RoomForOurFields + (route.Options.UpstreamHost?.Length ?? 0);
        _answer ??= owner.Buffers.Rent(Math.Min(room + bodyInBuffer, BufferPool.Large));
        var writer = new HeadWriter(_answer);
        WriteHead(ref writer, request, route);
        var taken = Math.Min(bodyInBuffer, _answer.Length - writer.Length);
        writer.Write(_in.AsSpan(body, taken));
        exchange.UploadIsOver = !head.HasBody || taken == head.BodyLength;
        exchange.UploadLeft = head.BodyLength - taken;
        _next = body + taken;
        return pod.SendAsync(_answer.AsMemory(0, writer.Length), route.Options.SendTimeout);
    }

    private void WriteHead(ref HeadWriter writer, LeanRequest request, Route route)
    {
        var head = request.Head;
        var bytes = request.Bytes;
        writer.Write(bytes.Slice(head.MethodStart, head.MethodLength));
        writer.Write(" "u8);
        writer.Write(bytes.Slice(head.TargetStart, head.TargetLength));
        writer.Write(" HTTP/1.1\r\nHost: "u8);
        if (route.Options.UpstreamHost is { } host) writer.Write(Policy.Expand(host, request));
        else
        {
            var field = head.Fields.First(FieldKind.Host);
            writer.Write(bytes.Slice(field.Value, field.ValueLength));
        }
        writer.Write("\r\n"u8);
        writer.Write(_forwarded.Bytes);
        writer.Write("X-Request-ID: "u8);
        writer.Write(request.IdBytes);
        writer.Write("\r\n"u8);
        writer.WriteFields(head.Fields, bytes, FieldKinds.HopByHop | FieldKinds.Bit(FieldKind.Host) | _forwarded.Replaced);
        if (head.IsChunked) writer.Write("Transfer-Encoding: chunked\r\n"u8);
        writer.Write("\r\n"u8);
    }

    /// <summary>A client that goes while its pod is still thinking needs no answer, as nginx has it.</summary>
    private void WatchClient(Exchange exchange)
    {
        _onHangUp ??= () =>
        {
            if (_exchange is not { } current || _pod is null || !socket.HasEnded()) return;
            current.ClientIsGone = true;
            _pod.Dispose();
        };
        socket.OnHangUp = _onHangUp;
        if (socket.HasHungUp && socket.HasEnded()) exchange.ClientIsGone = true;
    }
}
