using System.Buffers.Binary;
using System.Security.Cryptography;
using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Forward;

/// <summary>The query that is sent for a client's: its question, with an id that nobody can foresee.</summary>
internal static class UpstreamQuery
{
    internal static byte[] Create(in Query query, ReadOnlySpan<byte> message)
    {
        byte[] upstream = new byte[Limits.Header + query.QuestionLength + (query.HasEdns ? ResponseWriter.EdnsLength : 0)];
        Query asked = query;
        asked.Flags = (ushort)(query.Flags & HeaderFlags.CheckingDisabled);
        asked.Id = BinaryPrimitives.ReadUInt16BigEndian(RandomNumberGenerator.GetBytes(sizeof(ushort)));
        ResponseWriter.WriteEmpty(asked, message, ResponseCode.NoError, 0, upstream);
        BinaryPrimitives.WriteUInt16BigEndian(upstream.AsSpan(2), (ushort)(asked.Flags | HeaderFlags.RecursionDesired));
        return upstream;
    }

    /// <summary>A question that every server has something to say to: the root's name servers.</summary>
    internal static byte[] Probe()
    {
        byte[] id = RandomNumberGenerator.GetBytes(sizeof(ushort));
        return [.. id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, (byte)RecordType.NS, 0, 1];
    }

    /// <summary>Whether a message answers that query: its id and its question, whatever the case of the letters (RFC 5452 9.1).</summary>
    internal static bool IsAnswered(ReadOnlySpan<byte> upstream, ReadOnlySpan<byte> response)
    {
        var reader = new MessageReader(response);
        var asked = new MessageReader(upstream);
        if (!reader.TryReadHeader(out Header header) || !asked.TryReadHeader(out Header sent)
            || header.Id != sent.Id || !header.IsResponse || (header.Flags & HeaderFlags.OpcodeMask) != 0 || header.Questions != 1)
        {
            return false;
        }
        Span<byte> name = stackalloc byte[Limits.Name], wanted = stackalloc byte[Limits.Name];
        if (!reader.TryReadName(name, out int length) || !asked.TryReadName(wanted, out int wantedLength) || length != wantedLength)
        {
            return false;
        }
        DnsName.ToLower(name[..length], name);
        DnsName.ToLower(wanted[..length], wanted);
        return name[..length].SequenceEqual(wanted[..length])
            && reader.TryReadUInt32(out uint kind) && asked.TryReadUInt32(out uint wantedKind) && kind == wantedKind;
    }

    internal static bool IsTruncated(ReadOnlySpan<byte> response) => (BinaryPrimitives.ReadUInt16BigEndian(response[2..]) & HeaderFlags.Truncated) != 0;
}
