using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Server;

/// <summary>
/// Puts the answers of several messages into one: the alias that a client asked for, and what its target turned out to be
/// (RFC 1034 4.3.2 step 3a). The code, and for a negative end the SOA, are the last message's (RFC 2308 2.1).
/// </summary>
internal static class AliasWriter
{
    private const int Remembered = 64;

    internal static int Write(in Query query, ReadOnlySpan<byte> message, IReadOnlyList<byte[]> parts, Span<byte> response)
    {
        int limit = response.Length - (query.HasEdns ? ResponseWriter.EdnsLength : 0);
        var writer = new MessageWriter(response[..limit], stackalloc ushort[Remembered]);
        writer.WriteHeader(default);
        Span<byte> asked = stackalloc byte[Limits.Name];
        message.Slice(Limits.Header, query.NameLength).CopyTo(asked);
        writer.WriteName(asked[..query.NameLength]);
        writer.WriteUInt16((ushort)query.Type);
        writer.WriteUInt16(query.Class);
        var counts = default(RecordCounts);
        ResponseCode code = ResponseCode.ServerFailure;
        bool complete = true;
        for (int i = 0; i < parts.Count && complete; i++)
        {
            complete = TryCopy(parts[i], i == parts.Count - 1, ref writer, ref counts, out code);
        }
        ushort flags = (ushort)(HeaderFlags.Authoritative | HeaderFlags.RecursionAvailable | (complete ? 0 : HeaderFlags.Truncated));
        return ResponseWriter.Finish(query, code, flags, counts, writer.Position, response);
    }

    private static bool TryCopy(ReadOnlySpan<byte> part, bool isLast, ref MessageWriter writer, ref RecordCounts counts, out ResponseCode code)
    {
        var reader = new MessageReader(part);
        code = ResponseCode.ServerFailure;
        if (!reader.TryReadHeader(out Header header) || !reader.TrySkipName() || !reader.TrySkip(2 * sizeof(ushort)))
        {
            return true;
        }
        code = header.Code;
        int records = header.Answers + (isLast && header.Answers == 0 ? header.Authorities : 0);
        for (int i = 0; i < records; i++)
        {
            int start = writer.Position;
            if (!TryCopyRecord(part, ref reader, ref writer) || writer.Overflowed)
            {
                writer.Rewind(start);
                return false;
            }
            if (i < header.Answers)
            {
                counts.Answers++;
            }
            else
            {
                counts.Authorities++;
            }
        }
        return true;
    }

    private static bool TryCopyRecord(ReadOnlySpan<byte> part, ref MessageReader reader, ref MessageWriter writer)
    {
        Span<byte> name = stackalloc byte[Limits.Name];
        if (!reader.TryReadName(name, out int length) || !reader.TryReadRecordHead(out RecordHead head))
        {
            return false;
        }
        writer.WriteName(name[..length]);
        writer.WriteUInt16((ushort)head.Type);
        writer.WriteUInt16(head.Class);
        writer.WriteUInt32(head.TimeToLive);
        int lengthAt = writer.Position;
        writer.WriteUInt16(0);
        int start = writer.Position, end = reader.Position + head.Length;
        if (!TryCopyData(part, end, head.Type, ref reader, ref writer))
        {
            return false;
        }
        if (!writer.Overflowed)
        {
            writer.Patch(lengthAt, (ushort)(writer.Position - start));
        }
        return true;
    }

    /// <summary>Names in data may be compressed only where RFC 1035 put them (RFC 3597 4), and then point into the message that they came in.</summary>
    private static bool TryCopyData(ReadOnlySpan<byte> part, int end, RecordType type, ref MessageReader reader, ref MessageWriter writer)
    {
        (int before, int names) = type switch
        {
            RecordType.Cname or RecordType.NS or RecordType.Ptr => (0, 1),
            RecordType.MX => (sizeof(ushort), 1),
            RecordType.Soa => (0, 2),
            _ => (0, 0),
        };
        Span<byte> name = stackalloc byte[Limits.Name];
        if (reader.Position + before > end)
        {
            return false;
        }
        writer.WriteBytes(part.Slice(reader.Position, before));
        reader.TrySkip(before);
        for (; names > 0; names--)
        {
            if (!reader.TryReadName(name, out int length) || reader.Position > end)
            {
                return false;
            }
            writer.WriteName(name[..length]);
        }
        writer.WriteBytes(part[reader.Position..end]);
        return reader.TrySkip(end - reader.Position);
    }
}
