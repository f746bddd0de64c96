using System.Runtime.CompilerServices;

namespace Fairlead.Dns.Wire;

/// <summary>What is to be done with a received message.</summary>
internal enum QueryVerdict
{
    /// <summary>A question to be answered.</summary>
    Answer,

    /// <summary>Answered by the code in <see cref="Query.Refusal"/> alone.</summary>
    Refuse,

    /// <summary>Not answered at all: too short to have an id, or itself a response (answering those would let two servers talk for ever).</summary>
    Drop,
}

/// <summary>
/// A query as the answering needs it. Hot: it lies on the stack and is filled without allocating.
/// </summary>
internal struct Query
{
    [InlineArray(Limits.Name + 1)]
    private struct NameBytes
    {
        private byte _first;
    }

    [InlineArray(Limits.Labels + 1)]
    private struct LabelStarts
    {
        private byte _first;
    }

    private NameBytes _name;
    private LabelStarts _labels;

    internal ushort Id;
    internal ushort Flags;
    internal RecordType Type;
    internal ushort Class;

    /// <summary>The code for <see cref="QueryVerdict.Refuse"/>.</summary>
    internal ResponseCode Refusal;

    /// <summary>Bytes of the question (name, type, class), which starts after the header; 0 when it could not be read.</summary>
    internal int QuestionLength;

    /// <summary>The query has an OPT record.</summary>
    internal bool HasEdns;

    /// <summary>DO: the client wants DNSSEC records (RFC 3225).</summary>
    internal bool DnssecOk;

    /// <summary>Bytes that the client takes over UDP.</summary>
    internal int UdpSize;

    internal int NameLength;
    internal int LabelCount;

    /// <summary>The name asked for, in lower case, with the root's zero.</summary>
    [System.Diagnostics.CodeAnalysis.UnscopedRef]
    internal readonly ReadOnlySpan<byte> Name => ((ReadOnlySpan<byte>)_name)[..NameLength];

    /// <summary>The name from a label on; as many labels as there are means the root.</summary>
    [System.Diagnostics.CodeAnalysis.UnscopedRef]
    internal readonly ReadOnlySpan<byte> From(int label) => Name[LabelStart(label)..];

    /// <summary>Labels from one to before another, without a root.</summary>
    [System.Diagnostics.CodeAnalysis.UnscopedRef]
    internal readonly ReadOnlySpan<byte> Labels(int first, int end) => Name[LabelStart(first)..LabelStart(end)];

    /// <summary>Whether the name is a domain's or below it.</summary>
    /// <param name="domain">In wire form and lower case.</param>
    internal readonly bool IsBelow(ReadOnlySpan<byte> domain)
    {
        int start = NameLength - domain.Length;
        if (domain.Length == 1)
        {
            return true;
        }
        if (start < 0 || !Name[start..].SequenceEqual(domain))
        {
            return false;
        }
        int label = 0;
        while (LabelStart(label) < start)
        {
            label++;
        }
        return LabelStart(label) == start;
    }

    internal readonly int LabelStart(int label) => ((ReadOnlySpan<byte>)_labels)[label];

    /// <summary>Reads a message. Never throws, whatever it holds.</summary>
    internal QueryVerdict Parse(ReadOnlySpan<byte> message)
    {
        var reader = new MessageReader(message);
        QuestionLength = 0;
        HasEdns = DnssecOk = false;
        UdpSize = Limits.PlainUdp;
        Refusal = ResponseCode.FormatError;
        if (!reader.TryReadHeader(out Header header) || header.IsResponse)
        {
            return QueryVerdict.Drop;
        }
        (Id, Flags) = (header.Id, header.Flags);
        if ((header.Flags & HeaderFlags.OpcodeMask) != 0)
        {
            Refusal = ResponseCode.NotImplemented;
            return QueryVerdict.Refuse;
        }
        // One question, no other number (RFC 9619).
        if (header.Questions != 1 || !TryReadQuestion(ref reader) || !TryReadRecords(ref reader, header))
        {
            return QueryVerdict.Refuse;
        }
        return Judge();
    }

    private bool TryReadQuestion(ref MessageReader reader)
    {
        Span<byte> name = _name;
        // A pointer could only point into the header here.
        if (!reader.TryReadName(name, out NameLength) || reader.Position != Limits.Header + NameLength
            || !reader.TryReadUInt16(out ushort type) || !reader.TryReadUInt16(out Class))
        {
            return false;
        }
        Type = (RecordType)type;
        QuestionLength = NameLength + 2 * sizeof(ushort);
        DnsName.ToLower(name[..NameLength], name);
        Span<byte> labels = _labels;
        LabelCount = 0;
        int at = 0;
        for (; name[at] != 0; at += 1 + name[at])
        {
            labels[LabelCount++] = (byte)at;
        }
        labels[LabelCount] = (byte)at;
        return true;
    }

    private bool TryReadRecords(ref MessageReader reader, Header header)
    {
        int others = header.Answers + header.Authorities;
        for (int i = 0; i < others + header.Additionals; i++)
        {
            int owner = reader.Position;
            if (!reader.TrySkipName())
            {
                return false;
            }
            bool isRoot = reader.Position == owner + 1;
            if (!reader.TryReadRecordHead(out RecordHead head) || !reader.TrySkip(head.Length))
            {
                return false;
            }
            if (head.Type == RecordType.Opt && !TryTakeEdns(head, isRoot && i >= others))
            {
                return false;
            }
        }
        return true;
    }

    // RFC 6891 6.1: at most one OPT, its owner the root; the class is the size, the TTL holds extended code, version and DO.
    private bool TryTakeEdns(RecordHead head, bool isInPlace)
    {
        if (HasEdns || !isInPlace)
        {
            return false;
        }
        HasEdns = true;
        UdpSize = Math.Clamp((int)head.Class, Limits.PlainUdp, Limits.EdnsUdp);
        DnssecOk = (head.TimeToLive & 0x8000) != 0;
        if ((byte)(head.TimeToLive >> 16) != 0)
        {
            Refusal = ResponseCode.BadVersion;
        }
        return true;
    }

    private QueryVerdict Judge()
    {
        if (Refusal == ResponseCode.BadVersion)
        {
            return QueryVerdict.Refuse;
        }
        (Refusal, QueryVerdict verdict) = (Type, Class) switch
        {
            (RecordType.Opt or RecordType.None, _) => (ResponseCode.FormatError, QueryVerdict.Refuse),
            (_, not (Limits.InternetClass or Limits.AnyClass)) => (ResponseCode.Refused, QueryVerdict.Refuse),
            (RecordType.Axfr or RecordType.Ixfr, _) => (ResponseCode.Refused, QueryVerdict.Refuse),
            (RecordType.MailA or RecordType.MailB, _) => (ResponseCode.NotImplemented, QueryVerdict.Refuse),
            _ => (ResponseCode.NoError, QueryVerdict.Answer),
        };
        return verdict;
    }
}
