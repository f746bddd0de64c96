using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace Fairlead.Cluster;

/// <summary>Asks one name server for the addresses of a name (RFC 1035): the node's own, from inside the node.</summary>
internal sealed class NodeResolver(IPEndPoint server)
{
    private const int HeaderLength = 12;
    private const int LongestAnswer = 1232;
    private const int LongestLabel = 63;
    private const int TypeA = 1;

    /// <exception cref="SocketException">HostNotFound: it has none, or the server gave no answer that can be read.</exception>
    public async Task<IPAddress[]> ResolveAsync(string name, CancellationToken cancel)
    {
        var query = Query(name);
        using var socket = new Socket(server.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        await socket.ConnectAsync(server, cancel);
        await socket.SendAsync(query, cancel);
        var answer = new byte[LongestAnswer];
        while (true)
        {
            var length = await socket.ReceiveAsync(answer, cancel);
            if (length < HeaderLength || !answer.AsSpan(0, 2).SequenceEqual(query.AsSpan(0, 2))) continue;
            var addresses = Addresses(answer.AsSpan(0, length));
            return addresses.Count > 0 ? [.. addresses] : throw new SocketException((int)SocketError.HostNotFound);
        }
    }

    private static byte[] Query(string name)
    {
        var query = new List<byte>(RandomNumberGenerator.GetBytes(2));
        query.AddRange([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        foreach (var label in name.TrimEnd('.').Split('.'))
        {
            var bytes = Encoding.ASCII.GetBytes(label);
            if (bytes.Length is 0 or > LongestLabel) throw new SocketException((int)SocketError.HostNotFound);
            query.Add((byte)bytes.Length);
            query.AddRange(bytes);
        }
        query.AddRange([0, 0, TypeA, 0, 1]);
        return [.. query];
    }

    private static List<IPAddress> Addresses(ReadOnlySpan<byte> message)
    {
        var found = new List<IPAddress>();
        var questions = BinaryPrimitives.ReadUInt16BigEndian(message[4..]);
        var answers = BinaryPrimitives.ReadUInt16BigEndian(message[6..]);
        var at = HeaderLength;
        for (var i = 0; i < questions; i++) at = AfterName(message, at) + 4;
        for (var i = 0; i < answers; i++)
        {
            at = AfterName(message, at);
            if (at + 10 > message.Length) break;
            var type = BinaryPrimitives.ReadUInt16BigEndian(message[at..]);
            var length = BinaryPrimitives.ReadUInt16BigEndian(message[(at + 8)..]);
            at += 10;
            if (at + length > message.Length) break;
            if (type == TypeA && length == 4) found.Add(new IPAddress(message.Slice(at, length)));
            at += length;
        }
        return found;
    }

    /// <summary>The end of the message where a name runs over it.</summary>
    private static int AfterName(ReadOnlySpan<byte> message, int at)
    {
        while (at < message.Length)
        {
            var length = message[at];
            if (length == 0) return at + 1;
            if (length > LongestLabel) return at + 2;
            at += length + 1;
        }
        return message.Length;
    }
}
