using System.Runtime.CompilerServices;
using Fairlead.Ingress.Proxy.Lean.Wire;
using Fairlead.Ingress.Routes;
using Fairlead.Linux.Sockets.Loop;

namespace Fairlead.Ingress.Proxy.Lean;

/// <summary>A pod's answer on its way to the client.</summary>
internal sealed partial class LeanConnection
{
    // The head, and what of the body comes with it, fit into a large buffer together with our own fields.
    private const int MostWithHead = 64 * 1024;

    /// <summary>What goes to the pod, then what comes from it.</summary>
    private byte[]? _answer;

    /// <summary>Of the answer's head in its buffer: what comes before are interim answers.</summary>
    private int _answerStart;

    /// <summary>Bytes in the buffer, the head among them; or 0 or less where none came.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> ReceiveHeadAsync(Exchange exchange, Route route, LoopSocket pod)
    {
        var answer = exchange.Answer;
        answer.Clear();
        _answerStart = 0;
        var filled = 0;
        while (true)
        {
            if (exchange.ClientIsGone || exchange.UploadFailure != 0) return LoopSocket.Canceled;
            if (filled == _answer!.Length && !GrowAnswer(ref filled)) return LoopSocket.Canceled;
            var count = await pod.ReceiveAsync(_answer.AsMemory(filled, Math.Min(_answer.Length - filled, MostWithHead)), route.Options.ReadTimeout);
            if (count <= 0) return count;
            filled += count;
            while (answer.Read(_answer.AsSpan(_answerStart, filled - _answerStart)) == HeadState.Whole)
            {
                if (answer.Status >= 200) return filled;
                if (answer.Status == 101 || !await PassInterimAsync(exchange)) return LoopSocket.Canceled;
                _answerStart += answer.Length;
                answer.Clear();
            }
            if (answer.State == HeadState.Refused) return LoopSocket.Canceled;
        }
    }

    private bool GrowAnswer(ref int filled)
    {
        if (_answer!.Length == BufferPool.Large) return false;
        var larger = owner.Buffers.Rent(BufferPool.Large);
        filled -= _answerStart;
        Buffer.BlockCopy(_answer, _answerStart, larger, 0, filled);
        owner.Buffers.Return(ref _answer);
        _answer = larger;
        _answerStart = 0;
        return true;
    }

    /// <summary>100, 102, 103 (RFC 9110, section 15.2).</summary>
    private async ValueTask<bool> PassInterimAsync(Exchange exchange)
    {
        var buffer = owner.Buffers.Rent(BufferPool.Large);
        var length = WriteStatus(buffer, exchange, FieldKinds.HopByHop | FieldKinds.Bit(FieldKind.ContentLength));
        var sent = await SendAsync(buffer.AsMemory(0, length), AnswerPatience);
        owner.Buffers.Return(ref buffer!);
        if (sent < 0) exchange.ClientIsGone = true;
        return sent >= 0;

        int WriteStatus(byte[] into, Exchange of, ulong without)
        {
            var writer = new HeadWriter(into);
            var head = _answer.AsSpan(_answerStart, of.Answer.Length);
            writer.Write("HTTP/1.1 "u8);
            writer.Write(head.Slice(of.Answer.StatusStart, of.Answer.StatusLength));
            writer.Write("\r\n"u8);
            writer.WriteFields(of.Answer.Fields, head, without);
            writer.Write("\r\n"u8);
            return writer.Length;
        }
    }

    /// <summary>Passes head and body. True: the pod's connection can be used again.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> RelayAsync(Exchange exchange, Route route, Endpoint endpoint, LoopSocket pod, int received)
    {
        var answer = exchange.Answer;
        var hasBody = exchange.Request.Method != "HEAD" && answer.Status is not (204 or 304) && (answer.IsChunked || answer.BodyLength != 0);
        var untilClose = hasBody && !answer.IsChunked && answer.BodyLength < 0;
        exchange.Status = answer.Status;
        exchange.MustClose |= untilClose || exchange.Request.Head.WantsClose || owner.IsStopping;
        var cookie = AffinityCookie.For(route, exchange.Request, endpoint, Rules.Time);
        var first = _answerStart + answer.Length;
        var there = received - first;
        var part = !hasBody ? 0 : answer.BodyLength >= 0 ? (int)Math.Min(there, answer.BodyLength) : there;
        var size = answer.Length + RoomForOurFields + (cookie?.Length ?? 0) + part;
        byte[]? buffer = owner.Buffers.Rent(Math.Min(size, BufferPool.Large));
        var length = WriteAnswerHead(buffer, exchange, cookie, hasBody && answer.IsChunked);
        var extra = there - part;
        if (answer.IsChunked && hasBody) extra = AddChunk(exchange, buffer, ref length, first, part);
        else
        {
            // The rest of a part that does not fit is sent after it.
            var fits = Math.Min(part, buffer.Length - length);
            _answer.AsSpan(first, fits).CopyTo(buffer.AsSpan(length));
            length += fits;
            exchange.BytesOut = fits;
            if (fits < part) (_answerStart, received) = (first + fits, first + part);
            else received = 0;
        }
        exchange.HasBegun = true;
        var sent = await SendAsync(buffer.AsMemory(0, length), route.Options.SendTimeout);
        owner.Buffers.Return(ref buffer);
        if (sent >= 0 && received > _answerStart && !answer.IsChunked)
        {
            sent = await SendAsync(_answer.AsMemory(_answerStart, received - _answerStart), route.Options.SendTimeout);
            exchange.BytesOut = part;
        }
        if (sent < 0) return ClientLeft(exchange);
        var isWhole = !hasBody || (answer.IsChunked ? await RelayChunksAsync(exchange, route, pod) : await RelayBytesAsync(exchange, route, pod, answer.BodyLength));
        exchange.IsPassed = isWhole;
        return isWhole && extra == 0 && answer.KeepsAlive && !untilClose;
    }

    private int WriteAnswerHead(byte[] buffer, Exchange exchange, string? cookie, bool isChunked)
    {
        var answer = exchange.Answer;
        var head = _answer.AsSpan(_answerStart, answer.Length);
        var writer = new HeadWriter(buffer);
        writer.Write("HTTP/1.1 "u8);
        writer.Write(head.Slice(answer.StatusStart, answer.StatusLength));
        writer.Write("\r\n"u8);
        writer.WriteFields(answer.Fields, head, FieldKinds.HopByHop);
        if (isChunked) writer.Write("Transfer-Encoding: chunked\r\n"u8);
        if (cookie is not null)
        {
            writer.Write("Set-Cookie: "u8);
            writer.Write(cookie);
            writer.Write("\r\n"u8);
        }
        if (exchange.MustClose) writer.Write("Connection: close\r\n"u8);
        writer.Write("\r\n"u8);
        return writer.Length;
    }

    /// <summary>What of a chunked body came with the head, behind the head. Answers bytes that came after the body's end.</summary>
    private int AddChunk(Exchange exchange, byte[] buffer, ref int length, int first, int part)
    {
        var chunks = exchange.Download;
        chunks.Clear();
        var data = chunks.Read(_answer.AsSpan(first, part), out var consumed);
        exchange.BytesOut = data;
        var writer = new HeadWriter(buffer.AsSpan(length));
        if (data > 0)
        {
            writer.Write(data.ToString("x", System.Globalization.CultureInfo.InvariantCulture));
            writer.Write("\r\n"u8);
            writer.Write(_answer.AsSpan(first, data));
            writer.Write("\r\n"u8);
        }
        if (chunks.IsDone) writer.Write("0\r\n\r\n"u8);
        length += writer.Length;
        return part - consumed;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> RelayBytesAsync(Exchange exchange, Route route, LoopSocket pod, long length)
    {
        var untilClose = length < 0;
        if (untilClose || length - exchange.BytesOut > BufferPool.Small) EnlargeAnswer();
        for (var pieces = 1; untilClose || exchange.BytesOut < length; pieces++)
        {
            var most = untilClose ? _answer!.Length : (int)Math.Min(_answer!.Length, length - exchange.BytesOut);
            var count = await pod.ReceiveAsync(_answer.AsMemory(0, most), route.Options.ReadTimeout);
            if (count <= 0) return untilClose && count == 0;
            if (await SendAsync(_answer.AsMemory(0, count), route.Options.SendTimeout) < 0) return ClientLeft(exchange);
            exchange.BytesOut += count;
            if (pieces % PiecesATurn == 0) await owner.Loop.Yield();
        }
        return true;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> RelayChunksAsync(Exchange exchange, Route route, LoopSocket pod)
    {
        var chunks = exchange.Download;
        if (chunks.IsDone || chunks.IsBad) return chunks.IsDone;
        EnlargeAnswer();
        for (var pieces = 1; !chunks.IsDone; pieces++)
        {
            var count = await pod.ReceiveAsync(_answer.AsMemory(ChunkHead, _answer!.Length - ChunkHead - ChunkTail), route.Options.ReadTimeout);
            if (count <= 0) return false;
            var data = chunks.Read(_answer.AsSpan(ChunkHead, count), out var consumed);
            if (chunks.IsBad) return false;
            var frame = Frame(_answer, data, chunks.IsDone, out var length);
            if (length > 0 && await SendAsync(_answer.AsMemory(frame, length), route.Options.SendTimeout) < 0) return ClientLeft(exchange);
            exchange.BytesOut += data;
            // The answer to no request: whole as this one is, the connection is not to be trusted.
            if (chunks.IsDone && consumed < count) pod.Dispose();
            if (pieces % PiecesATurn == 0) await owner.Loop.Yield();
        }
        return true;
    }

    private void EnlargeAnswer()
    {
        if (_answer!.Length == BufferPool.Large) return;
        owner.Buffers.Return(ref _answer);
        _answer = owner.Buffers.Rent(BufferPool.Large);
    }

    private static bool ClientLeft(Exchange exchange)
    {
        exchange.ClientIsGone = true;
        return false;
    }
}
