using System.Buffers.Binary;

namespace Fairlead.Dns.Forward;

/// <summary>Messages after their length in two bytes, as they go over streams (RFC 1035 4.2.2).</summary>
internal static class FramedStream
{
    internal static async Task<byte[]> ExchangeAsync(Stream stream, byte[] query, CancellationToken cancel)
    {
        byte[] framed = new byte[sizeof(ushort) + query.Length];
        BinaryPrimitives.WriteUInt16BigEndian(framed, (ushort)query.Length);
        query.CopyTo(framed, sizeof(ushort));
        await stream.WriteAsync(framed, cancel);
        await stream.FlushAsync(cancel);
        byte[] head = new byte[sizeof(ushort)];
        await stream.ReadExactlyAsync(head, cancel);
        byte[] response = new byte[BinaryPrimitives.ReadUInt16BigEndian(head)];
        await stream.ReadExactlyAsync(response, cancel);
        return UpstreamQuery.IsAnswered(query, response) ? response : throw new IOException("another question was answered");
    }
}
