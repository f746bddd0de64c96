using System.Buffers.Binary;
using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Forward;

/// <summary>Another server's answer, read once when it came. Immutable but for the count of its uses.</summary>
internal sealed class CachedResponse
{
    private const uint StaleTimeToLive = 30;
    private readonly byte[] _message;
    private readonly ushort[] _timesToLive;
    private readonly AddressRun _addresses;
    private int _hits;
    private uint _turn;
    private int _claimed;

    private CachedResponse(byte[] message, ushort[] timesToLive, AddressRun addresses, uint timeToLive, long storedAt)
    {
        _message = message;
        _addresses = addresses;
        _timesToLive = timesToLive;
        TimeToLive = timeToLive;
        StoredAt = storedAt;
    }

    /// <summary>Seconds that the whole is good for; 0: not to be kept.</summary>
    internal uint TimeToLive { get; }

    /// <summary>A timestamp of TimeProvider.</summary>
    internal long StoredAt { get; }

    internal ResponseCode Code => (ResponseCode)(_message[3] & HeaderFlags.CodeMask);

    /// <summary>There is no such name, or no data of that type.</summary>
    internal bool IsNegative { get; private init; }

    internal ReadOnlySpan<byte> Message => _message;

    /// <summary>How often it was given with this time. A lost count among threads does no harm.</summary>
    internal int CountHit() => ++_hits;

    /// <summary>True for the first who asks: one of many renews it.</summary>
    internal bool TryClaim() => Interlocked.Exchange(ref _claimed, 1) == 0;

    /// <summary>Reads an answer; null when it is malformed.</summary>
    internal static CachedResponse? Read(byte[] message, CacheOptions options, long now)
    {
        var reader = new MessageReader(message);
        if (!reader.TryReadHeader(out Header header) || !reader.TrySkipName() || !reader.TrySkip(2 * sizeof(ushort)))
        {
            return null;
        }
        var timesToLive = new List<ushort>();
        uint longest = (uint)(header.Answers > 0 && header.Code != ResponseCode.NoSuchName ? options.Longest : options.LongestNegative).TotalSeconds;
        uint least = header.Answers > 0 ? longest : 0;
        var addresses = default(AddressRun);
        for (int i = 0; i < header.Answers + header.Authorities + header.Additionals; i++)
        {
            int start = reader.Position;
            if (!reader.TrySkipName() || !reader.TryReadRecordHead(out RecordHead head))
            {
                return null;
            }
            int data = reader.Position;
            if (!reader.TrySkip(head.Length))
            {
                return null;
            }
            if (i < header.Answers && head.Type is (RecordType.A or RecordType.Aaaa))
            {
                addresses = addresses.With(message, start, reader.Position);
            }
            if (head.Type == RecordType.Opt)
            {
                // OPT speaks of one hop: the size is ours (RFC 6891 6.1.1).
                BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(head.TimeToLiveAt - sizeof(ushort)), Limits.EdnsUdp);
                continue;
            }
            timesToLive.Add((ushort)head.TimeToLiveAt);
            bool isMinimum = header.Answers == 0 && head.Type == RecordType.Soa && head.Length >= sizeof(uint);
            uint own = isMinimum ? Math.Min(head.TimeToLive, Minimum(message, data + head.Length)) : head.TimeToLive;
            least = isMinimum ? Math.Min(own, longest) : Math.Min(least, own);
        }
        bool isNegative = header.Answers == 0 || header.Code == ResponseCode.NoSuchName;
        uint kept = header.Code switch
        {
            ResponseCode.NoError or ResponseCode.NoSuchName => Math.Min(longest, Math.Max(least, (uint)(isNegative ? options.LeastNegative : options.Least).TotalSeconds)),
            ResponseCode.ServerFailure => (uint)options.LongestFailure.TotalSeconds,
            _ => 0,
        };
        return new CachedResponse(message, [.. timesToLive], addresses, kept, now) { IsNegative = isNegative };
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
        _addresses.Rotate(_message, _turn++, response);
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

/// <summary>
/// Addresses that stand one after the other in a message, all of one owner and one length, so that they may change places: nothing in the
/// message points into them but at their owners, which are the same bytes.
/// </summary>
internal readonly record struct AddressRun(int Start, int Length, int Count)
{
    /// <summary>With a record that may continue it.</summary>
    internal AddressRun With(ReadOnlySpan<byte> message, int start, int end)
    {
        const int OwnerAndType = 4;
        bool continues = Count > 0 && start == Start + (Count * Length) && end - start == Length
            && message.Slice(start, OwnerAndType).SequenceEqual(message.Slice(Start, OwnerAndType));
        return continues ? this with { Count = Count + 1 } : (message[start] & 0xC0) == 0xC0 ? new AddressRun(start, end - start, 1) : default;
    }

    /// <summary>Writes them to their place, beginning with another one each turn.</summary>
    internal void Rotate(ReadOnlySpan<byte> message, uint turn, Span<byte> response)
    {
        if (Count > 1)
        {
            int split = (int)(turn % (uint)Count) * Length, all = Count * Length;
            message.Slice(Start + split, all - split).CopyTo(response[Start..]);
            message.Slice(Start, split).CopyTo(response[(Start + all - split)..]);
        }
    }
}
