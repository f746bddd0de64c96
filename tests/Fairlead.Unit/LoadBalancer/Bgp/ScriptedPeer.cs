using System.Net;
using System.Net.Sockets;

namespace Fairlead.Unit.LoadBalancer.Bgp;

/// <summary>A router that says what a test tells it to, on a loopback address of its own.</summary>
internal sealed class ScriptedPeer : IDisposable
{
    public const string Open = "M 002D 01 04 FC00 005A C0000209 10 02 0E 01 04 0001 00 01 02 00 41 04 0000FC00";
    public const string Keepalive = "M 0013 04";
    public const string Cease = "M 0015 03 06 02";
    private readonly TcpListener _listener;
    private TcpClient? _client;

    public ScriptedPeer()
    {
        _listener = new TcpListener(Loopback.Next(), 0);
        _listener.Start();
    }

    public IPEndPoint EndPoint => (IPEndPoint)_listener.LocalEndpoint;

    public Socket Listener => _listener.Server;

    private NetworkStream Stream => _client!.GetStream();

    public async Task AcceptAsync(CancellationToken cancel)
    {
        _client?.Dispose();
        _client = await _listener.AcceptTcpClientAsync(cancel);
    }

    /// <summary>Accepts, and opens a session.</summary>
    public async Task EstablishAsync(CancellationToken cancel)
    {
        await AcceptAsync(cancel);
        await SendAsync(Open, cancel);
        await SendAsync(Keepalive, cancel);
        await ExpectAsync(1, cancel);
        await ExpectAsync(4, cancel);
    }

    public async Task SendAsync(string hex, CancellationToken cancel) => await Stream.WriteAsync(BgpEncoderTests.Bytes(hex), cancel);

    /// <summary>The next message's body, which must be of a type; keepalives are passed over unless asked for.</summary>
    public async Task<string> ExpectAsync(byte type, CancellationToken cancel)
    {
        while (true)
        {
            var header = new byte[19];
            await Stream.ReadExactlyAsync(header, cancel);
            var body = new byte[(header[16] << 8 | header[17]) - header.Length];
            await Stream.ReadExactlyAsync(body, cancel);
            if (header[18] == type) return Convert.ToHexString(body);
            if (header[18] != 4) throw new InvalidOperationException($"message of type {header[18]}, not {type}: {Convert.ToHexString(body)}");
        }
    }

    /// <summary>Whether the other side has closed.</summary>
    public async Task<bool> IsAtEndAsync(CancellationToken cancel) => await Stream.ReadAsync(new byte[1], cancel) == 0;

    public void Close() => _client?.Dispose();

    public void Dispose()
    {
        Close();
        _listener.Dispose();
    }
}
