using System.Buffers;
using Fairlead.Dns.Forward;
using Fairlead.Dns.Wire;
using Fairlead.Dns.Zone;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Server;

/// <summary>
/// From a message to its response, whatever it came in by. What is known is answered at once and without allocating
/// (<see cref="TryAnswer"/>, one instance a thread); the rest waits for other servers (<see cref="AnswerAsync"/>).
/// </summary>
internal sealed class QueryHandler(ZoneHolder zone, Forwarder forwarder, LoopProbe probe, ILogger log)
{
    /// <summary>Not known yet: to be answered by <see cref="AnswerAsync"/>.</summary>
    internal const int Later = -1;

    private const int LongestChain = 8;
    private readonly ZoneResponder _responder = new();

    /// <summary>Counts for metrics; only this handler's thread writes them.</summary>
    internal QueryCounters Counters { get; } = new();

    /// <summary>Writes the response. Answers its length, 0 when there shall be none, or <see cref="Later"/>.</summary>
    /// <param name="response">At least 512 bytes; over UDP no more than the client's size of it is used.</param>
    internal int TryAnswer(ref Query query, ReadOnlySpan<byte> message, bool isUdp, Span<byte> response)
    {
        switch (query.Parse(message))
        {
            case QueryVerdict.Drop:
                return 0;
            case QueryVerdict.Refuse:
                Counters.Refused++;
                return ResponseWriter.WriteEmpty(query, message, query.Refusal, 0, response);
        }
        Counters.Queries++;
        response = isUdp ? response[..Math.Min(response.Length, query.UdpSize)] : response;
        int length = _responder.Respond(query, message, zone.Current, response, out byte[]? aliasTarget);
        if (length == 0)
        {
            length = probe.Sees(query)
                ? ResponseWriter.WriteEmpty(query, message, ResponseCode.Refused, 0, response)
                : forwarder.TryWriteCached(query, message, response);
        }
        else if (aliasTarget is not null)
        {
            length = 0;
        }
        if (length == 0)
        {
            return Later;
        }
        Counters.Count((ResponseCode)(response[3] & HeaderFlags.CodeMask));
        return length;
    }

    /// <summary>The response to a message that <see cref="TryAnswer"/> left for later. Any thread.</summary>
    internal async Task<byte[]> AnswerAsync(byte[] message, bool isUdp)
    {
#pragma warning disable CA1031 // The one ladder of a question: it gets SERVFAIL, the process lives.
        try
        {
            var parts = new List<byte[]>();
            byte[] asked = message;
            while (parts.Count < LongestChain)
            {
                (byte[]? target, Task<CachedResponse?>? forwarded) = Step(asked, parts);
                if (forwarded is not null)
                {
                    return Finish(message, isUdp, parts, await forwarded);
                }
                if (target is null)
                {
                    return Finish(message, isUdp, parts, null);
                }
                asked = Retarget(message, target);
            }
        }
        catch (Exception failure)
        {
            ServerLog.QuestionFailed(log, failure);
        }
#pragma warning restore CA1031
        return Finish(message, isUdp, [], null);
    }

    /// <summary>One link of a chain: an alias of ours and its target, the end of it in our zone, or a question for others.</summary>
    private (byte[]? Target, Task<CachedResponse?>? Forwarded) Step(byte[] asked, List<byte[]> parts)
    {
        var query = default(Query);
        query.Parse(asked);
        byte[] response = ArrayPool<byte>.Shared.Rent(Limits.Message);
        int length = new ZoneResponder().Respond(query, asked, zone.Current, response.AsSpan(0, Limits.Message), out byte[]? target);
        if (length > 0)
        {
            parts.Add(response[..length]);
        }
        ArrayPool<byte>.Shared.Return(response);
        return length > 0 ? (target, null) : (null, forwarder.ResolveAsync(query, asked));
    }

    private byte[] Finish(byte[] message, bool isUdp, List<byte[]> parts, CachedResponse? forwarded)
    {
        var query = default(Query);
        query.Parse(message);
        byte[] response = new byte[isUdp ? query.UdpSize : Limits.Message];
        if (parts.Count == 0)
        {
            return response[..(forwarded is null
                ? ResponseWriter.WriteEmpty(query, message, ResponseCode.ServerFailure, HeaderFlags.RecursionAvailable, response)
                : forwarded.WriteTo(query, message, forwarder.AgeOf(forwarded), response))];
        }
        if (forwarded is not null)
        {
            parts.Add(Aged(forwarded));
        }
        else if (parts.Count > 0 && IsOpen(parts[^1]))
        {
            // The alias leads elsewhere, and nobody there answers.
            parts.Add(Failure(message));
        }
        return response[..AliasWriter.Write(query, message, parts, response)];
    }

    private static bool IsOpen(byte[] part)
    {
        var reader = new MessageReader(part);
        return reader.TryReadHeader(out Header header) && header.Answers == 1 && header.Authorities == 0
            && reader.TrySkipName() && reader.TrySkip(2 * sizeof(ushort)) && reader.TrySkipName()
            && reader.TryReadRecordHead(out RecordHead head) && head.Type == RecordType.Cname;
    }

    private byte[] Aged(CachedResponse forwarded)
    {
        var query = default(Query);
        byte[] whole = new byte[Limits.Message];
        byte[] own = forwarded.Message.ToArray();
        // Its own question, as if it had been a client's.
        own[2] &= 0x79;
        own[3] = 0;
        if (!TryParseQuestion(own, ref query))
        {
            return forwarded.Message.ToArray();
        }
        return whole[..forwarded.WriteTo(query, own, forwarder.AgeOf(forwarded), whole)];
    }

    private static bool TryParseQuestion(byte[] message, ref Query query) => query.Parse(message) != QueryVerdict.Drop && query.QuestionLength > 0;

    private static byte[] Failure(byte[] message)
    {
        var query = default(Query);
        query.Parse(message);
        byte[] response = new byte[Limits.PlainUdp];
        return response[..ResponseWriter.WriteEmpty(query, message, ResponseCode.ServerFailure, 0, response)];
    }

    /// <summary>The client's query with another name in it.</summary>
    private static byte[] Retarget(byte[] message, byte[] target)
    {
        var query = default(Query);
        query.Parse(message);
        return [.. message[..Limits.Header], .. target, .. message[(Limits.Header + query.NameLength)..]];
    }
}

/// <summary>Counts of one handler; read by others, which may see them a little late.</summary>
internal sealed class QueryCounters
{
    internal long Queries;
    internal long Refused;
    internal long Found;
    internal long NoSuchName;
    internal long Failed;

    internal void Count(ResponseCode code)
    {
        switch (code)
        {
            case ResponseCode.NoError:
                Found++;
                break;
            case ResponseCode.NoSuchName:
                NoSuchName++;
                break;
            default:
                Failed++;
                break;
        }
    }

    internal void Add(QueryCounters other)
    {
        Queries += other.Queries;
        Refused += other.Refused;
        Found += other.Found;
        NoSuchName += other.NoSuchName;
        Failed += other.Failed;
    }
}

/// <summary>Where the present zone is found. One writer, any readers.</summary>
internal sealed class ZoneHolder(ZoneSnapshot first)
{
    private ZoneSnapshot _current = first;

    internal ZoneSnapshot Current
    {
        get => Volatile.Read(ref _current);
        set => Volatile.Write(ref _current, value);
    }
}
