using System.Net;
using System.Net.Sockets;
using System.Text;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Sockets;
using Fairlead.Node.Streaming.Spdy;

namespace Fairlead.Node.Runtime.Cri;

/// <summary>
/// The client's side of a CRI streaming server: SPDY/3.1 in an upgraded connection, a stream for each channel, named by its header
/// <c>streamtype</c>, as kubectl of old speaks it (kubernetes/kubernetes, k8s.io/apimachinery remotecommand constants).
/// </summary>
internal sealed class CriStreams : IAsyncDisposable
{
    private const string Protocol = "v4.channel.k8s.io";
    private const int LongestHead = 16 * 1024;
    private readonly SpdyConnection _connection;
    private readonly CancellationTokenSource _over = new();
    private readonly Task _running;

    private CriStreams(SpdyConnection connection)
    {
        _connection = connection;
        _running = connection.RunAsync(_over.Token);
    }

    /// <summary>Completes when the connection is over.</summary>
    public Task Ended => _running;

    /// <exception cref="RuntimeException">The server does not answer as one of this protocol does.</exception>
    /// <param name="runtime">Socket of the runtime that serves the streams.</param>
    public static async Task<CriStreams> ConnectAsync(Uri url, string runtime, TimeProvider time, CancellationToken cancel)
    {
        Socket? socket = null;
        try
        {
            socket = await DialAsync(url, runtime, cancel);
            var stream = new NetworkStream(socket, ownsSocket: true);
            await UpgradeAsync(stream, url, cancel);
            return new CriStreams(new SpdyConnection(stream, time, isClient: true));
        }
        catch (Exception e)
        {
            socket?.Dispose();
            if (e is SocketException or IOException) throw new RuntimeException($"the runtime's streams at {url.Authority}: {e.Message}", e);
            throw;
        }
    }

    /// <summary>Who serves on a loopback address means that of its own network namespace, which need not be the node's.</summary>
    private static async Task<Socket> DialAsync(Uri url, string runtime, CancellationToken cancel)
    {
        if (IPAddress.TryParse(url.Host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address) && UnixPeer.FindServer(runtime) is { } server)
        {
            using var place = NetworkNamespace.OpenProcess(server);
            return await place.ConnectTcpAsync(new IPEndPoint(address, url.Port), cancel);
        }
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(url.Host, url.Port, cancel);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public Task<SpdyStream> OpenAsync(string type, CancellationToken cancel) =>
        _connection.OpenStreamAsync(new Dictionary<string, string> { ["streamtype"] = type }, cancel);

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await _connection.DisposeAsync();
        await _running;
        _over.Dispose();
    }

    private static async Task UpgradeAsync(NetworkStream stream, Uri url, CancellationToken cancel)
    {
        var request = $"POST {url.PathAndQuery} HTTP/1.1\r\nHost: {url.Authority}\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
            + $"X-Stream-Protocol-Version: {Protocol}\r\nContent-Length: 0\r\n\r\n";
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request), cancel);
        var head = await ReadHeadAsync(stream, cancel);
        if (!head.StartsWith("HTTP/1.1 101", StringComparison.Ordinal)) throw new RuntimeException($"the runtime's streams at {url.Authority}: {head.Split('\r')[0]}");
    }

    /// <summary>Byte by byte: what follows the empty line is SPDY's.</summary>
    private static async Task<string> ReadHeadAsync(NetworkStream stream, CancellationToken cancel)
    {
        var head = new List<byte>();
        var one = new byte[1];
        while (head.Count < LongestHead && await stream.ReadAsync(one, cancel) == 1)
        {
            head.Add(one[0]);
            if (head.Count >= 4 && head[^1] == '\n' && head[^3] == '\n') break;
        }
        return Encoding.ASCII.GetString([.. head]);
    }
}
