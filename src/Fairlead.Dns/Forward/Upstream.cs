using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Forward;

/// <summary>
/// One server to ask. Each question has a socket of its own, so that its port is one that the kernel chose at random and nobody but
/// the server can answer; over UDP first, and again over TCP when the answer is truncated (RFC 7766 5).
/// </summary>
internal sealed class Upstream(IPEndPoint address, ForwardOptions options, TimeProvider time)
{
    private const int FailuresUntilRest = 2;
    private int _failures;
    private long _restsUntil;

    internal IPEndPoint Address { get; } = address;

    /// <summary>It led questions back to this server, and is never asked again.</summary>
    internal bool IsLoop { get; set; }

    internal bool IsResting => Volatile.Read(ref _failures) >= FailuresUntilRest && time.GetTimestamp() < Volatile.Read(ref _restsUntil);

    /// <summary>Asks. Null when no answer came in time.</summary>
    /// <param name="query">Of <see cref="UpstreamQuery"/>.</param>
    internal async Task<byte[]?> AskAsync(byte[] query, CancellationToken cancel)
    {
        using var patience = new CancellationTokenSource(options.AttemptTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancel);
        try
        {
            byte[] response = await AskUdpAsync(query, either.Token);
            if (UpstreamQuery.IsTruncated(response))
            {
                response = await AskTcpAsync(query, either.Token);
            }
            Volatile.Write(ref _failures, 0);
            return response;
        }
        catch (Exception e) when (e is SocketException or IOException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            Interlocked.Increment(ref _failures);
            Volatile.Write(ref _restsUntil, time.GetTimestamp() + (long)(options.Rest.TotalSeconds * time.TimestampFrequency));
            return null;
        }
    }

    private async Task<byte[]> AskUdpAsync(byte[] query, CancellationToken cancel)
    {
        using var socket = new Socket(Address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        await socket.ConnectAsync(Address, cancel);
        await socket.SendAsync(query, SocketFlags.None, cancel);
        byte[] buffer = new byte[4096];
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

    private async Task<byte[]> AskTcpAsync(byte[] query, CancellationToken cancel)
    {
        using var socket = new Socket(Address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(Address, cancel);
        await using var stream = new NetworkStream(socket);
        byte[] framed = new byte[sizeof(ushort) + query.Length];
        BinaryPrimitives.WriteUInt16BigEndian(framed, (ushort)query.Length);
        query.CopyTo(framed, sizeof(ushort));
        await stream.WriteAsync(framed, cancel);
        byte[] head = new byte[sizeof(ushort)];
        await stream.ReadExactlyAsync(head, cancel);
        byte[] response = new byte[BinaryPrimitives.ReadUInt16BigEndian(head)];
        await stream.ReadExactlyAsync(response, cancel);
        return UpstreamQuery.IsAnswered(query, response) ? response : throw new IOException($"{Address} answered another question over TCP");
    }
}
