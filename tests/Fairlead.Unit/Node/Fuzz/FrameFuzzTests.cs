using System.Buffers.Binary;
using System.Net.WebSockets;
using System.Text;
using Fairlead.Node.Streaming;
using Fairlead.Node.Streaming.Spdy;
using Fairlead.Unit.Fuzz;
using Xunit;

namespace Fairlead.Unit.Node.Fuzz;

/// <summary>
/// SPDY and WebSocket frames as a client may send them, and changes of them: whatever comes, the connection ends without an exception
/// when the client has gone, and so does everything that was read from it.
/// </summary>
public sealed class FrameFuzzTests
{
    private const int Changes = 10_000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly string[] Protocols = ["v5.channel.k8s.io", "v4.base64.channel.k8s.io", "channel.k8s.io"];

    [Fact]
    public void Spdy_Corpus_Holds() => FuzzRun.Hold(Corpus("spdy-*.hex", SpdySeeds()), RunSpdy);

    [Fact]
    public void Spdy_CorpusChanged_Holds() =>
        FuzzRun.Search(Changes, new ByteChanges([.. Corpus("spdy-*.hex", SpdySeeds()).Select(entry => entry.Input)]).Next, RunSpdy, Keep);

    [Fact]
    public void Socket_Corpus_Holds() => FuzzRun.Hold(Corpus("socket-*.hex", SocketSeeds()), RunSocket);

    [Fact]
    public void Socket_CorpusChanged_Holds() =>
        FuzzRun.Search(Changes, new ByteChanges([.. Corpus("socket-*.hex", SocketSeeds()).Select(entry => entry.Input)]).Next, RunSocket, Keep);

    [Fact]
    public void SpdyHeaders_CorpusChanged_Hold()
    {
        byte[][] plain = [[0, 0, 0, 1, 0, 0, 0, 1, (byte)'a', 0, 0, 0, 3, (byte)'b', 0, (byte)'c'], [0, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF]];
        FuzzRun.Search(Changes, new ByteChanges(plain).Next, static bytes => SpdyHeaderReader.Parse(bytes), Keep);
    }

    private static void RunSpdy(byte[] input)
    {
        var connection = new SpdyConnection(new FeedStream(input), TimeProvider.System);
        Task.Run(async () => await Task.WhenAll(connection.RunAsync(default), DrainAsync(connection))).WaitAsync(Patience).GetAwaiter().GetResult();
    }

    private static async Task DrainAsync(SpdyConnection connection)
    {
        var readers = new List<Task>();
        await foreach (var stream in connection.Opened.ReadAllAsync()) readers.Add(ReadAsync(stream));
        await Task.WhenAll(readers);
    }

    private static async Task ReadAsync(SpdyStream stream)
    {
        var buffer = new byte[4096];
        while (await stream.ReadAsync(buffer, default) > 0)
        {
        }
    }

    private static void RunSocket(byte[] input)
    {
        foreach (var name in Protocols)
        {
            var socket = WebSocket.CreateFromStream(new FeedStream(input), new WebSocketCreationOptions { IsServer = true });
            var channels = new ChannelSocket(socket, ChannelProtocol.Choose([name])!);
            Task.Run(async () =>
            {
                await channels.ReceiveAsync((message, _) => Task.FromResult(ExecStream.TryParseSize(message.Bytes.Span, out var _, out var _)), default);
                await channels.DisposeAsync();
            }).WaitAsync(Patience).GetAwaiter().GetResult();
        }
    }

    private static IEnumerable<(string Name, byte[] Input)> Corpus(string files, IEnumerable<byte[]> seeds) =>
    [
        .. Directory.EnumerateFiles(FuzzRun.Folder("Node/Fuzz/Corpus"), files).Order(StringComparer.Ordinal).Select(file => (file, Convert.FromHexString(File.ReadAllText(file).Trim()))),
        .. seeds.Select((seed, index) => ($"seed {index}", seed)),
    ];

    private static string Keep(byte[] input) => FuzzRun.Keep(Encoding.ASCII.GetBytes(Convert.ToHexStringLower(input)), "hex");

    /// <summary>What kubectl sends: streams with headers, data, their end, pings and windows.</summary>
    private static IEnumerable<byte[]> SpdySeeds()
    {
        var writer = new SpdyHeaderWriter();
        var block = writer.Write(new Dictionary<string, string> { ["streamtype"] = "stdin", ["port"] = "80", ["requestid"] = "0" });
        var next = writer.Write(new Dictionary<string, string> { ["streamtype"] = "error" });
        byte[] first = Control(SpdyFrameType.SynStream, [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, .. block]), second = Control(SpdyFrameType.SynStream, [0, 0, 0, 3, 0, 0, 0, 0, 0, 0, .. next]);
        yield return [.. first, .. Data(1, 0, "hello"u8), .. Data(1, SpdyFrameHead.Fin, "bye"u8)];
        yield return [.. first, .. second, .. Control(SpdyFrameType.Settings, [0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 4, 0]), .. Control(SpdyFrameType.WindowUpdate, [0, 0, 0, 1, 0, 0, 0x10, 0])];
        yield return [.. first, .. Control(SpdyFrameType.Ping, [0, 0, 0, 1]), .. Control(SpdyFrameType.RstStream, [0, 0, 0, 1, 0, 0, 0, 5]), .. Data(1, 0, "late"u8)];
        yield return [.. first, .. second, .. Data(3, SpdyFrameHead.Fin, default), .. Control(SpdyFrameType.GoAway, [0, 0, 0, 3, 0, 0, 0, 0])];
    }

    private static byte[] Control(SpdyFrameType type, ReadOnlySpan<byte> content) => Frame(new SpdyFrameHead(type, 0, 0, content.Length), content);

    private static byte[] Data(int stream, byte flags, ReadOnlySpan<byte> content) => Frame(new SpdyFrameHead(SpdyFrameType.Data, stream, flags, content.Length), content);

    private static byte[] Frame(SpdyFrameHead head, ReadOnlySpan<byte> content)
    {
        var frame = new byte[SpdyFrameHead.Size + content.Length];
        head.Write(frame);
        content.CopyTo(frame.AsSpan(SpdyFrameHead.Size));
        return frame;
    }

    /// <summary>RFC 6455, section 5.2: frames of a client are masked; here with zeros, so that changes mean something.</summary>
    private static IEnumerable<byte[]> SocketSeeds()
    {
        yield return [.. Socket(0x82, "\0input"u8), .. Socket(0x82, [4, .. "{\"Width\":80,\"Height\":24}"u8]), .. Socket(0x88, [3, 0xE8])];
        yield return [.. Socket(0x81, "0aW5wdXQ="u8), .. Socket(0x81, "4eyJXaWR0aCI6ODB9"u8)];
        yield return [.. Socket(0x02, "\0in"u8), .. Socket(0x89, "ping"u8), .. Socket(0x80, "put"u8), .. Socket(0x82, [255, 0])];
        yield return [.. Socket(0x82, new byte[300]), .. Socket(0x8A, [])];
    }

    private static byte[] Socket(byte first, ReadOnlySpan<byte> content)
    {
        Span<byte> length = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)content.Length);
        byte[] head = content.Length < 126 ? [first, (byte)(0x80 | content.Length)] : [first, 0x80 | 126, .. length];
        return [.. head, 0, 0, 0, 0, .. content];
    }
}
