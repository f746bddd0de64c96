using Fairlead.Ingress.Annotations;
using Fairlead.Ingress.Proxy.Lean.Wire;
using Fairlead.Linux.Sockets.Loop;

namespace Fairlead.Ingress.Proxy.Lean;

/// <summary>A request's body on its way to the pod, while the pod may already answer.</summary>
internal sealed partial class LeanConnection
{
    /// <summary>A chunk's size before its data; its end and the last chunk after it.</summary>
    private const int ChunkHead = 16, ChunkTail = 16;

    /// <summary>Pieces that a busy body may pass before others of the loop have a turn.</summary>
    private const int PiecesATurn = 16;

    private byte[]? _leftover;
    private int _leftoverStart;
    private int _leftoverEnd;

    /// <summary>Never throws: what fails is noted in the exchange, and ends the wait for the answer.</summary>
    private async Task UploadAsync(Exchange exchange, RouteOptions options, LoopSocket pod)
    {
        var buffer = owner.Buffers.Rent(BufferPool.Large);
        var sent = exchange.Request.Head.IsChunked ? await UploadChunksAsync(exchange, options, pod, buffer) : await UploadLengthAsync(exchange, options, pod, buffer);
        if (sent && _leftoverEnd > _leftoverStart) _leftover = buffer;
        else owner.Buffers.Return(ref buffer!);
        exchange.UploadIsOver = sent;
        if (exchange.UploadFailure != 0 || exchange.ClientIsGone) pod.Dispose();
        else if (sent)
        {
            pod.ExtendReceive(options.ReadTimeout);
            if (_pod == pod && !pod.IsClosed && !_isStoppingUpload) WatchClient(exchange);
        }
    }

    private async Task<bool> UploadLengthAsync(Exchange exchange, RouteOptions options, LoopSocket pod, byte[] buffer)
    {
        (_leftoverStart, _leftoverEnd) = (0, 0);
        for (var pieces = 1; exchange.UploadLeft > 0; pieces++)
        {
            int count;
            if (_next < _end)
            {
                count = (int)Math.Min(Math.Min(exchange.UploadLeft, _end - _next), buffer.Length);
                _in.AsSpan(_next, count).CopyTo(buffer);
                _next += count;
            }
            else
            {
                // No more than is left: what follows is the next request's.
                count = await ReceiveAsync(buffer.AsMemory(0, (int)Math.Min(exchange.UploadLeft, buffer.Length)), options.SendTimeout);
            }
            if (count <= 0) return ClientFailed(exchange, count);
            if (await pod.SendAsync(buffer.AsMemory(0, count), options.SendTimeout) < 0) return false;
            exchange.UploadLeft -= count;
            pod.ExtendReceive(options.ReadTimeout);
            if (pieces % PiecesATurn == 0) await owner.Loop.Yield();
        }
        return true;
    }

    private async Task<bool> UploadChunksAsync(Exchange exchange, RouteOptions options, LoopSocket pod, byte[] buffer)
    {
        (_leftoverStart, _leftoverEnd) = (0, 0);
        var chunks = exchange.Upload;
        chunks.Clear();
        for (var pieces = 1; ; pieces++)
        {
            var isBuffered = _next < _end;
            int count;
            if (isBuffered)
            {
                count = Math.Min(_end - _next, buffer.Length - ChunkHead - ChunkTail);
                _in.AsSpan(_next, count).CopyTo(buffer.AsSpan(ChunkHead));
            }
            else count = await ReceiveAsync(buffer.AsMemory(ChunkHead, buffer.Length - ChunkHead - ChunkTail), options.SendTimeout);
            if (count <= 0) return ClientFailed(exchange, count);
            var data = chunks.Read(buffer.AsSpan(ChunkHead, count), out var consumed);
            if (chunks.IsBad)
            {
                exchange.UploadFailure = 400;
                return false;
            }
            if (isBuffered) _next += consumed;
            // What came after the last chunk lies behind the room that the tail needs.
            else if (consumed < count) KeepRest(buffer, ChunkHead + consumed, ChunkHead + count);
            var frame = Frame(buffer, data, chunks.IsDone, out var length);
            if (length > 0 && await pod.SendAsync(buffer.AsMemory(frame, length), options.SendTimeout) < 0) return false;
            if (chunks.IsDone) return true;
            pod.ExtendReceive(options.ReadTimeout);
            if (pieces % PiecesATurn == 0) await owner.Loop.Yield();
        }
    }

    private void KeepRest(byte[] buffer, int start, int end)
    {
        // At the buffer's end, where the frame of what is before it cannot reach.
        (_leftoverStart, _leftoverEnd) = (buffer.Length - (end - start), buffer.Length);
        buffer.AsSpan(start, end - start).CopyTo(buffer.AsSpan(_leftoverStart));
    }

    /// <summary>Puts the data, which is behind the room for it, into a chunk. Answers where it starts.</summary>
    private static int Frame(byte[] buffer, int data, bool isLast, out int length)
    {
        var start = ChunkHead;
        var end = ChunkHead + data;
        if (data > 0)
        {
            buffer[--start] = (byte)'\n';
            buffer[--start] = (byte)'\r';
            for (var left = data; left > 0; left >>= 4) buffer[--start] = (byte)"0123456789abcdef"[left & 15];
            "\r\n"u8.CopyTo(buffer.AsSpan(end));
            end += 2;
        }
        if (isLast)
        {
            "0\r\n\r\n"u8.CopyTo(buffer.AsSpan(end));
            end += 5;
        }
        length = end - start;
        return start;
    }

    private static bool ClientFailed(Exchange exchange, int count)
    {
        if (count == LoopSocket.TimedOut) exchange.UploadFailure = 408;
        else if (count != LoopSocket.Canceled) exchange.ClientIsGone = true;
        return false;
    }

    private bool _isStoppingUpload;

    /// <summary>The pod is done, and the client is not: the rest of its body interests nobody.</summary>
    private async ValueTask StopUploadAsync(Exchange exchange, Task upload)
    {
        exchange.MustClose = true;
        _isStoppingUpload = true;
        _pod!.Cancel();
        socket.Cancel();
        await upload;
        _isStoppingUpload = false;
    }
}
