using System.Buffers;
using Fairlead.Dns.Forward;
using Fairlead.Dns.Wire;
using Fairlead.Dns.Zone;

namespace Fairlead.Dns.Server;

internal sealed partial class QueryHandler
{
    private const int LongestChain = 8;

    /// <summary>The response to a message that <see cref="TryAnswer"/> left for later. Any thread.</summary>
    internal async Task<byte[]> AnswerAsync(byte[] message, Client client)
    {
        Serving now = serving.Current;
        byte[] response;
#pragma warning disable CA1031 // The one ladder of a question: it gets SERVFAIL, the process lives.
        try
        {
            Chain chain = await AutopathAsync(now, message, client) ?? await FollowAsync(now, message, []);
            response = Finish(now, message, client, chain);
        }
        catch (Exception failure)
        {
            ServerLog.QuestionFailed(log, failure);
            response = Finish(now, message, client, Chain.Failed);
        }
#pragma warning restore CA1031
        lock (LaterCounters)
        {
            LaterCounters.CountResponse((ResponseCode)(response[3] & HeaderFlags.CodeMask));
            LaterCounters.CountTimes(1, time.GetElapsedTime(client.ReceivedAt));
        }
        WriteLog(now, message, client, response);
        return response;
    }

    private static void WriteLog(Serving now, byte[] message, in Client client, byte[] response)
    {
        var query = default(Query);
        query.Parse(message);
        now.Find(query)?.WriteLog(client, query, message.Length, response);
    }

    /// <summary>The first name down the client's search list that exists, as an alias; null where there is none to look for, or none exists.</summary>
    private static async Task<Chain?> AutopathAsync(Serving now, byte[] message, Client client)
    {
        foreach (byte[] name in NextNames(now, message, client))
        {
            byte[] alias = Alias(message, name, now.Zone.Current.TimeToLive);
            Chain chain = await FollowAsync(now, Retarget(message, name), [alias]);
            if (chain.Code == ResponseCode.NoError)
            {
                return chain;
            }
        }
        return null;
    }

    private static IReadOnlyList<byte[]> NextNames(Serving now, byte[] message, in Client client)
    {
        var query = default(Query);
        query.Parse(message);
        if (now.Find(query) is not { Autopath: true } || now.Zone.Current.Knows(query))
        {
            return [];
        }
        return Next(now, query, client);
    }

    /// <summary>Aliases of ours and their targets, to the end of them in our zone or the answer of others.</summary>
    /// <param name="parts">What stands before.</param>
    private static async Task<Chain> FollowAsync(Serving now, byte[] message, List<byte[]> parts)
    {
        byte[] asked = message;
        while (parts.Count < LongestChain)
        {
            (byte[]? target, Forwarder? forwarder, Task<CachedResponse?>? forwarded) = Step(now, asked, parts);
            if (forwarded is not null)
            {
                CachedResponse? answer = await forwarded;
                return new Chain(parts, answer, answer is null ? 0 : forwarder!.AgeOf(answer), answer?.Code ?? ResponseCode.ServerFailure);
            }
            if (target is null)
            {
                return parts.Count == 0 ? Chain.Failed : new Chain(parts, null, 0, (ResponseCode)(parts[^1][3] & HeaderFlags.CodeMask));
            }
            asked = Retarget(message, target);
        }
        // Aliases that lead in a circle.
        return Chain.Failed;
    }

    /// <summary>One link of a chain: an alias of ours and its target, the end of it in our zone, or a question for others.</summary>
    private static (byte[]? Target, Forwarder? Forwarder, Task<CachedResponse?>? Forwarded) Step(Serving now, byte[] asked, List<byte[]> parts)
    {
        var query = default(Query);
        query.Parse(asked);
        if (now.Find(query) is not { } block)
        {
            return default;
        }
        byte[]? target = null;
        int length = 0;
        byte[] response = ArrayPool<byte>.Shared.Rent(Limits.Message);
        Span<byte> space = response.AsSpan(0, Limits.Message);
        var responder = new ZoneResponder();
        if (block.Hosts is { } hosts && hosts.Takes(query) && hosts.Table.Find(query) is { } records)
        {
            length = responder.Respond(query, asked, records.Of(query.Type), ResponseCode.NoError, space);
        }
        if (length == 0 && block.HasZone)
        {
            length = responder.Respond(query, asked, now.Zone.Current, space, out target);
        }
        if (length > 0)
        {
            parts.Add(response[..length]);
        }
        ArrayPool<byte>.Shared.Return(response);
        Forwarder? forwarder = length > 0 ? null : block.Route(query)?.Forwarder;
        return (target, forwarder, forwarder?.ResolveAsync(query, asked));
    }

    /// <summary>A response that says that the question's name is another's alias.</summary>
    private static byte[] Alias(byte[] message, byte[] target, uint timeToLive)
    {
        var query = default(Query);
        query.Parse(message);
        byte[] response = new byte[Limits.Header + query.QuestionLength + RecordSet.HeadLength + target.Length + ResponseWriter.EdnsLength];
        int length = new ZoneResponder().Respond(query, message, RecordSet.Of(RecordType.Cname, timeToLive, [target]), ResponseCode.NoError, response);
        return response[..length];
    }

    private static byte[] Finish(Serving now, byte[] message, Client client, Chain chain)
    {
        var query = default(Query);
        query.Parse(message);
        byte[] response = new byte[Limit(now, query, client)];
        List<byte[]> parts = chain.Parts;
        if (parts.Count == 0)
        {
            return response[..(chain.Forwarded is null
                ? ResponseWriter.WriteEmpty(query, message, ResponseCode.ServerFailure, HeaderFlags.RecursionAvailable, response)
                : chain.Forwarded.WriteTo(query, message, chain.Age, response))];
        }
        if (chain.Forwarded is not null)
        {
            parts.Add(Aged(chain.Forwarded, chain.Age));
        }
        else if (IsOpen(parts[^1]))
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

    private static byte[] Aged(CachedResponse forwarded, uint age)
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
        return whole[..forwarded.WriteTo(query, own, age, whole)];
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

    /// <param name="Parts">Messages of ours, an alias in all but the last.</param>
    /// <param name="Forwarded">What others say to the last alias's target, or to the question itself.</param>
    /// <param name="Code">How it ended.</param>
    private sealed record Chain(List<byte[]> Parts, CachedResponse? Forwarded, uint Age, ResponseCode Code)
    {
        internal static Chain Failed => new([], null, 0, ResponseCode.ServerFailure);
    }
}
