using System.Buffers.Binary;

namespace Fairlead.Kube.Grpc;

/// <summary>A message on the wire: whether it is compressed (never here), its length in four bytes, itself.</summary>
internal static class GrpcFrame
{
    private const int Header = 5;
    private const int Longest = 64 << 20;

    public static byte[] Write(ReadOnlySpan<byte> message)
    {
        var frame = new byte[Header + message.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), message.Length);
        message.CopyTo(frame.AsSpan(Header));
        return frame;
    }

    /// <summary>The next message; null at the stream's end.</summary>
    /// <exception cref="GrpcException">Internal: the bytes are no frame.</exception>
    public static async ValueTask<byte[]?> ReadAsync(Stream stream, CancellationToken cancel)
    {
        var header = new byte[Header];
        var read = await stream.ReadAtLeastAsync(header, Header, throwOnEndOfStream: false, cancel);
        if (read == 0) return null;
        var length = BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(1));
        if (read < Header || header[0] != 0 || length > Longest) throw new GrpcException(GrpcCode.Internal, "the answer cannot be read");
        var message = new byte[length];
        if (await stream.ReadAtLeastAsync(message, message.Length, throwOnEndOfStream: false, cancel) < message.Length)
            throw new GrpcException(GrpcCode.Internal, "the answer cannot be read");
        return message;
    }
}
