using System.Buffers.Binary;
using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Forward;

/// <summary>Another server's answer, read once when it came. Immutable.</summary>
internal sealed class CachedResponse
{
    private const uint StaleTimeToLive = 30;
    private readonly byte[] _message;
    private readonly ushort[] _timesToLive;

    private CachedResponse(byte[] message, ushort[] timesToLive, uint timeToLive, long storedAt)
    {
        _message = message;
        _timesToLive = timesToLive;
        TimeToLive = timeToLive;
        StoredAt = storedAt;
    }

    /// <summary>Seconds that the whole is good for; 0: not to be kept.</summary>
    internal uint TimeToLive { get; }

    /// <summary>A timestamp of TimeProvider.</summary>
    internal long StoredAt { get; }

    internal ResponseCode Code => (ResponseCode)(_message[3] & HeaderFlags.CodeMask);

    internal ReadOnlySpan<byte> Message => _message;

    /// <summary>Reads an answer; null when it is malformed.</summary>
    internal static CachedResponse? Read(byte[] message, uint longest, long now)
    {
        var reader = new MessageReader(message);
        if (!reader.TryReadHeader(out Header header) || !reader.TrySkipName() || !reader.TrySkip(2 * sizeof(ushort)))
        {
            return null;
        }
        var timesToLive = new List<ushort>();
        uint least = header.Answers > 0 ? longest : 0;
        for (int i = 0; i < header.Answers + header.Authorities + header.Additionals; i++)
        {
            if (!reader.TrySkipName() || !reader.TryReadRecordHead(out RecordHead head))
            {
                return null;
            }
            int data = reader.Position;
            if (!reader.TrySkip(head.Length))
            {
                return null;
            }
            if (head.Type == RecordType.Opt)
            {
                // OPT speaks of one hop: the size is ours (RFC 6891 6.1.1).
                BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(head.TimeToLiveAt - sizeof(ushort)), Limits.EdnsUdp);
                continue;
            }
            timesToLive.Add((ushort)head.TimeToLiveAt);
            bool isNegative = header.Answers == 0 && head.Type == RecordType.Soa && head.Length >= sizeof(uint);
            uint own = isNegative ? Math.Min(head.TimeToLive, Minimum(message, data + head.Length)) : head.TimeToLive;
            least = isNegative ? Math.Min(own, longest) : Math.Min(least, own);
        }
        bool isAnswer = header.Code is ResponseCode.NoError or ResponseCode.NoSuchName;
        return new CachedResponse(message, [.. timesToLive], isAnswer ? least : 0, now);
    }

    /// <summary>Writes the answer for a client's query: its id, its letters, what is left of the TTLs. Answers the length.</summary>
    /// <param name="age">Seconds since it was stored.</param>
    internal int WriteTo(in Query query, ReadOnlySpan<byte> message, uint age, Span<byte> response)
    {
        if (_message.Length > response.Length)
        {
            return ResponseWriter.WriteEmpty(query, message, Code, HeaderFlags.Truncated | HeaderFlags.RecursionAvailable, response);
        }
        _message.CopyTo(response);
        BinaryPrimitives.WriteUInt16BigEndian(response, query.Id);
        int flags = BinaryPrimitives.ReadUInt16BigEndian(_message.AsSpan(2)) & ~(HeaderFlags.Authoritative | HeaderFlags.RecursionDesired);
        BinaryPrimitives.WriteUInt16BigEndian(response[2..], (ushort)(flags | HeaderFlags.RecursionAvailable | (query.Flags & HeaderFlags.RecursionDesired)));
        message.Slice(Limits.Header, query.QuestionLength).CopyTo(response[Limits.Header..]);
        foreach (ushort at in _timesToLive)
        {
            uint given = BinaryPrimitives.ReadUInt32BigEndian(_message.AsSpan(at));
            uint left = age <= TimeToLive ? given - Math.Min(age, given) : StaleTimeToLive;
            BinaryPrimitives.WriteUInt32BigEndian(response[at..], left);
        }
        return _message.Length;
    }

    // RFC 2308 5: a negative answer is good for the SOA's last field, at most for its TTL.
    private static uint Minimum(byte[] message, int end) => BinaryPrimitives.ReadUInt32BigEndian(message.AsSpan(end - sizeof(uint)));
}
