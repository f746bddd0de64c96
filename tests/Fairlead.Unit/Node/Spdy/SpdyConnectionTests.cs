using System.Buffers.Binary;
using System.IO.Pipelines;
using Fairlead.Kube.Streams;
using Fairlead.Node.Streaming.Spdy;
using Xunit;

namespace Fairlead.Unit.Node.Spdy;

public sealed class SpdyConnectionTests
{
    [Fact]
    public async Task Stream_BothDirections_EndEachForItself()
    {
        await using var peer = new Peer();
        await peer.OpenAsync(1);
        var stream = await peer.AcceptAsync();
        Assert.Equal("error", stream.Headers["streamtype"]);
        Assert.Equal(SpdyFrameType.SynReply, (await peer.ReadAsync()).Type);
        await peer.SendAsync(new(SpdyFrameType.Data, 1, SpdyFrameHead.Fin, 2), "hi"u8.ToArray());
        var buffer = new byte[10];
        Assert.Equal(2, await stream.ReadAsync(buffer, default));
        Assert.Equal(0, await stream.ReadAsync(buffer, default));
        await stream.WriteAsync("back"u8.ToArray(), default);
        await stream.CompleteAsync(default);
        Assert.Equal(new SpdyFrameHead(SpdyFrameType.Data, 1, 0, 4), await peer.ReadAsync());
        Assert.Equal(new SpdyFrameHead(SpdyFrameType.Data, 1, SpdyFrameHead.Fin, 0), await peer.ReadAsync());
    }

    [Fact]
    public async Task Peer_Gone_EndsReadersAndWriters()
    {
        await using var peer = new Peer();
        await peer.OpenAsync(1);
        var stream = await peer.AcceptAsync();
        var reading = stream.ReadAsync(new byte[1], default).AsTask();
        peer.HangUp();
        Assert.Equal(0, await reading.WaitAsync(TimeSpan.FromSeconds(5)));
        await peer.Running.WaitAsync(TimeSpan.FromSeconds(5));
        await Assert.ThrowsAsync<IOException>(() => stream.WriteAsync(new byte[1], default).AsTask());
    }

    [Fact]
    public async Task Reset_ByPeer_EndsTheStreamOnly()
    {
        await using var peer = new Peer();
        await peer.OpenAsync(1);
        await peer.OpenAsync(3);
        var (first, second) = (await peer.AcceptAsync(), await peer.AcceptAsync());
        await peer.ControlAsync(SpdyFrameType.RstStream, 1, 5);
        Assert.Equal(0, await first.ReadAsync(new byte[1], default).AsTask().WaitAsync(TimeSpan.FromSeconds(5)));
        await peer.SendAsync(new(SpdyFrameType.Data, 3, 0, 1), [7]);
        Assert.Equal(1, await second.ReadAsync(new byte[1], default));
    }

    [Fact]
    public async Task Window_OncePeerSpeaksOfIt_HoldsBack()
    {
        await using var peer = new Peer();
        await peer.ControlAsync(SpdyFrameType.Settings, 1, 7, 1000);
        await peer.OpenAsync(1);
        var stream = await peer.AcceptAsync();
        Assert.Equal(SpdyFrameType.SynReply, (await peer.ReadAsync()).Type);
        var writing = stream.WriteAsync(new byte[1500], default).AsTask();
        Assert.Equal(1000, (await peer.ReadAsync()).Length);
        Assert.False(writing.IsCompleted);
        await peer.ControlAsync(SpdyFrameType.WindowUpdate, 1, 10_000);
        Assert.Equal(500, (await peer.ReadAsync()).Length);
        await writing.WaitAsync(TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task Reader_Reading_GrantsTheWindowAgain()
    {
        await using var peer = new Peer();
        await peer.OpenAsync(1);
        var stream = await peer.AcceptAsync();
        Assert.Equal(SpdyFrameType.SynReply, (await peer.ReadAsync()).Type);
        await peer.SendAsync(new(SpdyFrameType.Data, 1, 0, 40_000), new byte[40_000]);
        for (var read = 0; read < 40_000;) read += await stream.ReadAsync(new byte[40_000], default);
        Assert.Equal(SpdyFrameType.WindowUpdate, (await peer.ReadAsync()).Type);
        Assert.Equal(SpdyFrameType.WindowUpdate, (await peer.ReadAsync()).Type);
    }

    [Fact]
    public async Task Ping_IsAnswered_AndWrongStreamsAreReset()
    {
        await using var peer = new Peer();
        await peer.ControlAsync(SpdyFrameType.Ping, 1);
        Assert.Equal(SpdyFrameType.Ping, (await peer.ReadAsync()).Type);
        await peer.OpenAsync(2);
        Assert.Equal(SpdyFrameType.RstStream, (await peer.ReadAsync()).Type);
        await peer.SendAsync(new(SpdyFrameType.Data, 99, 0, 1), [1]);
        Assert.Equal(SpdyFrameType.RstStream, (await peer.ReadAsync()).Type);
    }

    [Fact]
    public async Task RandomBytes_EndTheConnectionAndNothingElse()
    {
        var random = new Random(22);
        for (var round = 0; round < 300; round++)
        {
            await using var peer = new Peer();
            if (round % 2 == 0) await peer.OpenAsync(1);
            var noise = new byte[random.Next(400)];
            random.NextBytes(noise);
            // Frames of known types get further than noise does.
            if (round % 3 == 0 && noise.Length > 8) new SpdyFrameHead((SpdyFrameType)random.Next(1, 10), 0, (byte)random.Next(2), noise.Length - 8).Write(noise);
            await peer.WriteAsync(noise);
            peer.HangUp();
            await peer.Running.WaitAsync(TimeSpan.FromSeconds(5));
        }
    }

    /// <summary>The other end of a connection, frame by frame.</summary>
    private sealed class Peer : IAsyncDisposable
    {
        private readonly Pipe _up = new();
        private readonly Pipe _down = new(new PipeOptions(pauseWriterThreshold: 0));
        private readonly SpdyHeaderWriter _headers = new();
        private readonly SpdyConnection _connection;
        private readonly CancellationTokenSource _stop = new();

        public Peer()
        {
            _connection = new SpdyConnection(new Duplex(_up.Reader.AsStream(), _down.Writer.AsStream()), TimeProvider.System);
            Running = _connection.RunAsync(_stop.Token);
        }

        public Task Running { get; }

        public async Task<SpdyStream> AcceptAsync() => await _connection.Opened.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(5));

        public Task OpenAsync(int id)
        {
            var block = _headers.Write(new Dictionary<string, string> { ["streamtype"] = "error" });
            var payload = new byte[10 + block.Length];
            BinaryPrimitives.WriteInt32BigEndian(payload, id);
            block.CopyTo(payload, 10);
            return SendAsync(new(SpdyFrameType.SynStream, 0, 0, payload.Length), payload);
        }

        public Task ControlAsync(SpdyFrameType type, params int[] numbers)
        {
            var payload = new byte[numbers.Length * 4];
            for (var i = 0; i < numbers.Length; i++) BinaryPrimitives.WriteInt32BigEndian(payload.AsSpan(i * 4), numbers[i]);
            return SendAsync(new(type, 0, 0, payload.Length), payload);
        }

        public async Task SendAsync(SpdyFrameHead head, byte[] payload)
        {
            var bytes = new byte[SpdyFrameHead.Size + payload.Length];
            head.Write(bytes);
            payload.CopyTo(bytes, SpdyFrameHead.Size);
            await WriteAsync(bytes);
        }

        public async Task WriteAsync(byte[] bytes) => await _up.Writer.WriteAsync(bytes);

        public async Task<SpdyFrameHead> ReadAsync()
        {
            var stream = _down.Reader.AsStream(leaveOpen: true);
            var bytes = new byte[SpdyFrameHead.Size];
            await stream.ReadExactlyAsync(bytes).AsTask().WaitAsync(TimeSpan.FromSeconds(5));
            Assert.True(SpdyFrameHead.TryParse(bytes, out var head));
            await stream.ReadExactlyAsync(new byte[head.Length]);
            return head;
        }

        public void HangUp() => _up.Writer.Complete();

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await Running;
            await _connection.DisposeAsync();
            _stop.Dispose();
        }
    }

    private sealed class Duplex(Stream input, Stream output) : AsyncStream
    {
        public override bool CanRead => true;
        public override bool CanWrite => true;
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => input.ReadAsync(buffer, cancellationToken);
        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => output.WriteAsync(buffer, cancellationToken);
        public override Task FlushAsync(CancellationToken cancellationToken) => output.FlushAsync(cancellationToken);
        public override void Flush() => output.Flush();
        public override int Read(byte[] buffer, int offset, int count) => input.Read(buffer, offset, count);
        public override void Write(byte[] buffer, int offset, int count) => output.Write(buffer, offset, count);
    }
}
