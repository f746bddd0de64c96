using System.Buffers.Binary;
using Fairlead.Dns.Wire;
using Fairlead.Dns.Zone;

namespace Fairlead.Dns.Server;

/// <summary>
/// Turns the zone's answer into a response by copying what was prepared when the objects changed. Hot: allocates nothing.
/// One instance a thread, because it counts the rotation.
/// </summary>
internal sealed class ZoneResponder
{
    private const ushort Authoritative = HeaderFlags.Authoritative | HeaderFlags.RecursionAvailable;
    private const uint Refresh = 7200, Retry = 1800, Expire = 86400;
    private uint _rotation;

    /// <summary>Writes a response, at most as long as the buffer. Answers its length; 0 when the name is not ours.</summary>
    /// <param name="aliasTarget">Where the answer's alias leads, when there is more to resolve than was written.</param>
    internal int Respond(in Query query, ReadOnlySpan<byte> message, ZoneSnapshot zone, Span<byte> response, out byte[]? aliasTarget)
    {
        var answer = default(ZoneAnswer);
        zone.Find(query, ref answer);
        aliasTarget = null;
        if (answer.Verdict == ZoneVerdict.NotOurs)
        {
            return 0;
        }
        if (!zone.IsComplete)
        {
            return ResponseWriter.WriteEmpty(query, message, ResponseCode.ServerFailure, HeaderFlags.RecursionAvailable, response);
        }
        if (query.Type == RecordType.Any && answer.Verdict == ZoneVerdict.NoData)
        {
            return WriteMinimalAny(query, message, zone, response);
        }
        int at = ResponseWriter.WriteStart(query, message, response);
        var counts = default(RecordCounts);
        ushort flags = Authoritative;
        switch (answer.Verdict)
        {
            case ZoneVerdict.Records or ZoneVerdict.Alias:
                at = WriteRecords(query, answer.Records!, response, at, ref counts, ref flags);
                aliasTarget = answer.Verdict == ZoneVerdict.Alias ? answer.AliasTarget : null;
                break;
            case ZoneVerdict.Address:
                at = WriteAddress(answer, zone.TimeToLive, response, at);
                counts.Answers = 1;
                break;
            case ZoneVerdict.Authority:
                at = WriteAuthority(query, answer.ZoneLabel, zone, response, at);
                counts.Answers = 1;
                break;
            default:
                at = WriteAuthority(query, answer.ZoneLabel, zone, response, at);
                counts.Authorities = 1;
                break;
        }
        ResponseCode code = answer.Verdict == ZoneVerdict.NoSuchName ? ResponseCode.NoSuchName : ResponseCode.NoError;
        return ResponseWriter.Finish(query, code, flags, counts, at, response);
    }

    /// <summary>Writes records that were found elsewhere, or that there are none.</summary>
    internal int Respond(in Query query, ReadOnlySpan<byte> message, RecordSet? records, ResponseCode code, Span<byte> response)
    {
        int at = ResponseWriter.WriteStart(query, message, response);
        var counts = default(RecordCounts);
        ushort flags = Authoritative;
        at = records is null ? at : WriteRecords(query, records, response, at, ref counts, ref flags);
        return ResponseWriter.Finish(query, code, flags, counts, at, response);
    }

    // A whole turn: each record once, from one that changes with each answer.
    private int WriteRecords(in Query query, RecordSet records, Span<byte> response, int at, ref RecordCounts counts, ref ushort flags)
    {
        int limit = response.Length - (query.HasEdns ? ResponseWriter.EdnsLength : 0);
        int first = records.Count == 1 ? 0 : (int)(_rotation++ % (uint)records.Count);
        int start = at;
        for (int i = 0; i < records.Count; i++)
        {
            ReadOnlySpan<byte> record = records[(first + i) % records.Count];
            if (at + record.Length > limit)
            {
                flags |= HeaderFlags.Truncated;
                return at;
            }
            record.CopyTo(response[at..]);
            at += record.Length;
            counts.Answers++;
        }
        return records.Addresses is null ? at : WriteTargets(records, first, response[..limit], start, at, ref counts);
    }

    /// <summary>The addresses of SRV targets, their owners pointing at the targets in the answers, as far as there is room (RFC 2181 9).</summary>
    private static int WriteTargets(RecordSet records, int first, Span<byte> response, int record, int at, ref RecordCounts counts)
    {
        const int Target = RecordSet.HeadLength + 3 * sizeof(ushort);
        const int LastPointed = 0x3FFF;
        for (int i = 0; i < records.Count; i++)
        {
            int index = (first + i) % records.Count;
            for (int family = 0; family < 2; family++)
            {
                RecordSet? addresses = records.Addresses![2 * index + family];
                for (int j = 0; j < addresses?.Count; j++)
                {
                    ReadOnlySpan<byte> address = addresses[j];
                    if (at + address.Length > response.Length || record + Target > LastPointed)
                    {
                        return at;
                    }
                    address.CopyTo(response[at..]);
                    BinaryPrimitives.WriteUInt16BigEndian(response[at..], (ushort)(0xC000 | (record + Target)));
                    at += address.Length;
                    counts.Additionals++;
                }
            }
            record += records[index].Length;
        }
        return at;
    }

    private static int WriteAddress(in ZoneAnswer answer, uint timeToLive, Span<byte> response, int at)
    {
        RecordType type = answer.AddressLength == 4 ? RecordType.A : RecordType.Aaaa;
        at = WriteHead(ResponseWriter.QuestionName, type, timeToLive, answer.AddressLength, response, at);
        ((ReadOnlySpan<byte>)answer.Address)[..answer.AddressLength].CopyTo(response[at..]);
        return at + answer.AddressLength;
    }

    private static int WriteAuthority(in Query query, int zoneLabel, ZoneSnapshot zone, Span<byte> response, int at)
    {
        ReadOnlySpan<byte> names = zone.AuthorityNames;
        ushort owner = (ushort)(ResponseWriter.QuestionName + query.LabelStart(zoneLabel));
        at = WriteHead(owner, RecordType.Soa, zone.TimeToLive, names.Length + 5 * sizeof(uint), response, at);
        names.CopyTo(response[at..]);
        at += names.Length;
        foreach (uint value in (ReadOnlySpan<uint>)[zone.Serial, Refresh, Retry, Expire, zone.TimeToLive])
        {
            BinaryPrimitives.WriteUInt32BigEndian(response[at..], value);
            at += sizeof(uint);
        }
        return at;
    }

    /// <summary>ANY is answered with a HINFO that says why there is no more (RFC 8482 4.2).</summary>
    private static int WriteMinimalAny(in Query query, ReadOnlySpan<byte> message, ZoneSnapshot zone, Span<byte> response)
    {
        ReadOnlySpan<byte> data = "\u0007RFC8482\0"u8;
        int at = ResponseWriter.WriteStart(query, message, response);
        at = WriteHead(ResponseWriter.QuestionName, RecordType.Hinfo, zone.TimeToLive, data.Length, response, at);
        data.CopyTo(response[at..]);
        return ResponseWriter.Finish(query, ResponseCode.NoError, Authoritative, new RecordCounts { Answers = 1 }, at + data.Length, response);
    }

    private static int WriteHead(ushort owner, RecordType type, uint timeToLive, int length, Span<byte> response, int at)
    {
        BinaryPrimitives.WriteUInt16BigEndian(response[at..], owner);
        BinaryPrimitives.WriteUInt16BigEndian(response[(at + 2)..], (ushort)type);
        BinaryPrimitives.WriteUInt16BigEndian(response[(at + 4)..], Limits.InternetClass);
        BinaryPrimitives.WriteUInt32BigEndian(response[(at + 6)..], timeToLive);
        BinaryPrimitives.WriteUInt16BigEndian(response[(at + 10)..], (ushort)length);
        return at + RecordSet.HeadLength;
    }
}
