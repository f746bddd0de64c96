using System.Net;
using System.Net.Sockets;

namespace Fairlead.Dns.Forward;

/// <summary>
/// UDP, and TCP for what is truncated (RFC 7766 5). Each question has a socket of its own, so that its port is one that the kernel chose
/// at random and nobody but the server can answer.
/// </summary>
internal sealed class PlainExchange(IPEndPoint address, bool alwaysTcp) : IExchange
{
    private const int LongestResponse = 4096;

    public async Task<byte[]> AskAsync(byte[] query, CancellationToken cancel)
    {
        if (!alwaysTcp && await AskUdpAsync(query, cancel) is { } response && !UpstreamQuery.IsTruncated(response))
        {
            return response;
        }
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(address, cancel);
        await using var stream = new NetworkStream(socket);
        return await FramedStream.ExchangeAsync(stream, query, cancel);
    }

    public void Dispose()
    {
        // Nothing is kept between questions.
    }

    private async Task<byte[]> AskUdpAsync(byte[] query, CancellationToken cancel)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        await socket.ConnectAsync(address, cancel);
        await socket.SendAsync(query, SocketFlags.None, cancel);
        byte[] buffer = new byte[LongestResponse];
        while (true)
        {
            int length = await socket.ReceiveAsync(buffer, SocketFlags.None, cancel);
            // Anything else is somebody's guess; the answer may still come.
            if (UpstreamQuery.IsAnswered(query, buffer.AsSpan(0, length)))
            {
                return buffer[..length];
            }
        }
    }
}
