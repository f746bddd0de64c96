using System.Net;
using System.Net.Sockets;
using Fairlead.Dns.Wire;

namespace Fairlead.Unit.Dns.Forward;

/// <summary>Another DNS server, that answers as the test says. Over TCP it answers as over UDP, untruncated.</summary>
internal sealed class ScriptedServer : IAsyncDisposable
{
    private readonly Socket _udp = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private readonly TcpListener _tcp;
    private readonly Func<byte[], bool, IEnumerable<byte[]>> _script;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _serving;

    /// <param name="script">From a query, and whether it came over TCP, to the messages sent back.</param>
    internal ScriptedServer(Func<byte[], bool, IEnumerable<byte[]>> script)
    {
        _script = script;
        _udp.Bind(new IPEndPoint(Loopback.Next(), 0));
        Address = (IPEndPoint)_udp.LocalEndPoint!;
        _tcp = new TcpListener(Address);
        _tcp.Start();
        _serving = Task.WhenAll(ServeUdpAsync(), ServeTcpAsync());
    }

    internal IPEndPoint Address { get; }

    internal int Asked;

    internal static byte[] Answer(byte[] query, string address = "192.0.2.1", uint timeToLive = 60, ResponseCode code = ResponseCode.NoError, bool truncated = false)
    {
        int end = QuestionEnd(query);
        bool has = code == ResponseCode.NoError && !truncated;
        byte[] response =
        [
            .. query[..2], (byte)(truncated ? 0x83 : 0x81), (byte)(0x80 | (byte)code), 0, 1, 0, (byte)(has ? 1 : 0), 0, 0, 0, 0, .. query[12..end],
            .. has ? [0xC0, 12, 0, 1, 0, 1, (byte)(timeToLive >> 24), (byte)(timeToLive >> 16), (byte)(timeToLive >> 8), (byte)timeToLive, 0, 4, .. IPAddress.Parse(address).GetAddressBytes()] : Array.Empty<byte>(),
        ];
        return response;
    }

    internal static int QuestionEnd(byte[] query)
    {
        int at = 12;
        while (query[at] != 0)
        {
            at += 1 + query[at];
        }
        return at + 5;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _udp.Dispose();
        _tcp.Dispose();
        await _serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task ServeUdpAsync()
    {
        byte[] buffer = new byte[4096];
        while (true)
        {
            SocketReceiveFromResult from = await _udp.ReceiveFromAsync(buffer, SocketFlags.None, new IPEndPoint(IPAddress.Any, 0), _stop.Token);
            Interlocked.Increment(ref Asked);
            foreach (byte[] response in _script(buffer[..from.ReceivedBytes], false))
            {
                await _udp.SendToAsync(response, from.RemoteEndPoint, _stop.Token);
            }
        }
    }

    private async Task ServeTcpAsync()
    {
        while (true)
        {
            using TcpClient client = await _tcp.AcceptTcpClientAsync(_stop.Token);
            NetworkStream stream = client.GetStream();
            byte[] head = new byte[2];
            await stream.ReadExactlyAsync(head, _stop.Token);
            byte[] query = new byte[head[0] << 8 | head[1]];
            await stream.ReadExactlyAsync(query, _stop.Token);
            foreach (byte[] response in _script(query, true))
            {
                await stream.WriteAsync((byte[])[(byte)(response.Length >> 8), (byte)response.Length, .. response], _stop.Token);
            }
        }
    }
}
