using System.IO.Pipelines;

namespace Fairlead.Node.Streaming.Spdy;

/// <summary>One stream of a connection. One reads, one writes; the two directions end each for itself.</summary>
internal sealed class SpdyStream
{
    /// <summary>Bytes that wait to be read before the connection is read no further: a peer that counts windows never gets there.</summary>
    private const int MostWaiting = 4 * SpdyWindow.Initial;

    private readonly SpdyConnection _connection;
    private readonly Pipe _received = new(new PipeOptions(pauseWriterThreshold: MostWaiting, resumeWriterThreshold: MostWaiting / 2, useSynchronizationContext: false));
    private int _unacknowledged;
    private bool _isSendingOver;

    public SpdyStream(SpdyConnection connection, int id, IReadOnlyDictionary<string, string> headers)
    {
        (_connection, Id, Headers) = (connection, id, headers);
    }

    public int Id { get; }

    public IReadOnlyDictionary<string, string> Headers { get; }

    public SpdyWindow Window { get; } = new();

    /// <summary>Both sides have said all.</summary>
    public bool IsSendingOver => _isSendingOver;

    public bool IsOver => _isSendingOver && IsReceivingOver;

    public bool IsReceivingOver { get; private set; }

    /// <summary>0 when the peer has said all, has reset the stream, or is gone.</summary>
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancel)
    {
        var result = await _received.Reader.ReadAsync(cancel);
        var count = (int)Math.Min(buffer.Length, result.Buffer.Length);
        var taken = result.Buffer.Slice(0, count);
        foreach (var part in taken)
        {
            part.CopyTo(buffer);
            buffer = buffer[part.Length..];
        }
        _received.Reader.AdvanceTo(taken.End);
        await AcknowledgeAsync(count, cancel);
        return count;
    }

    /// <exception cref="IOException">The stream or the connection is over.</exception>
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        while (!bytes.IsEmpty)
        {
            if (_isSendingOver) throw new IOException("the stream is closed");
            var count = await _connection.SendAsync(this, bytes, cancel);
            bytes = bytes[count..];
        }
    }

    /// <summary>Ends our direction.</summary>
    public ValueTask CompleteAsync(CancellationToken cancel)
    {
        if (_isSendingOver) return ValueTask.CompletedTask;
        _isSendingOver = true;
        return _connection.SendLastAsync(this, cancel);
    }

    /// <summary>Ends both directions at once.</summary>
    public ValueTask ResetAsync(SpdyStatus status, CancellationToken cancel)
    {
        _isSendingOver = true;
        StopReading();
        return _connection.SendResetAsync(Id, status, cancel);
    }

    /// <summary>Takes bytes off the peer's frame; completes when more may come. What nobody reads any more is dropped.</summary>
    public async ValueTask ReceiveAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        if (!IsReceivingOver) await _received.Writer.WriteAsync(bytes, cancel);
    }

    public void EndReceiving()
    {
        if (IsReceivingOver) return;
        IsReceivingOver = true;
        _received.Writer.Complete();
    }

    /// <summary>The peer has reset it, or is gone.</summary>
    public void End()
    {
        _isSendingOver = true;
        EndReceiving();
        // Whoever waits to send finds out.
        Window.Begin(1);
    }

    /// <summary>Nobody reads it any more: what still comes is dropped rather than holding up the other streams.</summary>
    public void StopReading() => _received.Reader.Complete();

    private async ValueTask AcknowledgeAsync(int count, CancellationToken cancel)
    {
        _unacknowledged += count;
        if (_unacknowledged < SpdyWindow.Initial / 2 || IsReceivingOver) return;
        var bytes = _unacknowledged;
        _unacknowledged = 0;
        await _connection.GrantAsync(this, bytes, cancel);
    }
}
