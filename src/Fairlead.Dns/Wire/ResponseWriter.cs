using System.Buffers.Binary;

namespace Fairlead.Dns.Wire;

/// <summary>The parts that every response shares: header, question as it was asked, OPT.</summary>
internal static class ResponseWriter
{
    internal const int EdnsLength = 11;

    /// <summary>The owner name of an answer: a pointer to the question's name.</summary>
    internal const ushort QuestionName = 0xC000 | Limits.Header;

    /// <summary>A response without records. Answers its length.</summary>
    /// <param name="message">The query's message, whose question is echoed letter by letter.</param>
    internal static int WriteEmpty(in Query query, ReadOnlySpan<byte> message, ResponseCode code, ushort flags, Span<byte> response)
    {
        int length = WriteStart(query, message, response);
        return Finish(query, code, flags, default, length, response);
    }

    /// <summary>Copies the question to its place. Answers where records begin.</summary>
    internal static int WriteStart(in Query query, ReadOnlySpan<byte> message, Span<byte> response)
    {
        message.Slice(Limits.Header, query.QuestionLength).CopyTo(response[Limits.Header..]);
        return Limits.Header + query.QuestionLength;
    }

    /// <summary>Writes the OPT record where the query had one, then the header. Answers the length of the response.</summary>
    internal static int Finish(in Query query, ResponseCode code, ushort flags, RecordCounts counts, int length, Span<byte> response)
    {
        ushort copied = (ushort)(query.Flags & (HeaderFlags.OpcodeMask | HeaderFlags.RecursionDesired | HeaderFlags.CheckingDisabled));
        if (query.HasEdns)
        {
            WriteEdns(query, code, response[length..]);
            length += EdnsLength;
            counts.Additionals++;
        }
        BinaryPrimitives.WriteUInt16BigEndian(response, query.Id);
        BinaryPrimitives.WriteUInt16BigEndian(response[2..], (ushort)(HeaderFlags.Response | copied | flags | ((int)code & HeaderFlags.CodeMask)));
        BinaryPrimitives.WriteUInt16BigEndian(response[4..], (ushort)(query.QuestionLength > 0 ? 1 : 0));
        BinaryPrimitives.WriteUInt16BigEndian(response[6..], counts.Answers);
        BinaryPrimitives.WriteUInt16BigEndian(response[8..], counts.Authorities);
        BinaryPrimitives.WriteUInt16BigEndian(response[10..], counts.Additionals);
        return length;
    }

    private static void WriteEdns(in Query query, ResponseCode code, Span<byte> to)
    {
        to[..EdnsLength].Clear();
        BinaryPrimitives.WriteUInt16BigEndian(to[1..], (ushort)RecordType.Opt);
        BinaryPrimitives.WriteUInt16BigEndian(to[3..], Limits.EdnsUdp);
        to[5] = (byte)((int)code >> 4);
        to[7] = query.DnssecOk ? (byte)0x80 : (byte)0;
    }
}

/// <summary>How many records each section has.</summary>
internal struct RecordCounts
{
    internal ushort Answers;
    internal ushort Authorities;
    internal ushort Additionals;
}
