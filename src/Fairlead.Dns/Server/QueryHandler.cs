using Fairlead.Dns.Forward;
using Fairlead.Dns.Hosts;
using Fairlead.Dns.Wire;
using Fairlead.Dns.Zone;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Server;

/// <summary>
/// From a message to its response, whatever it came in by. What is known is answered at once and without allocating
/// (<see cref="TryAnswer"/>, one instance a thread); the rest waits for other servers (<see cref="AnswerAsync"/>).
/// </summary>
internal sealed partial class QueryHandler(ServingHolder serving, ILogger log, TimeProvider time)
{
    /// <summary>Not known yet: to be answered by <see cref="AnswerAsync"/>.</summary>
    internal const int Later = -1;

    private readonly ZoneResponder _responder = new();

    /// <summary>Counts for metrics; only this handler's thread writes them.</summary>
    internal QueryCounters Counters { get; } = new();

    /// <summary>Counts of what is answered later, by whoever holds their lock.</summary>
    internal QueryCounters LaterCounters { get; } = new();

    /// <summary>Writes the response. Answers its length, 0 when there shall be none, or <see cref="Later"/>.</summary>
    /// <param name="response">At least 512 bytes; over UDP no more than the client's size of it is used.</param>
    internal int TryAnswer(ref Query query, ReadOnlySpan<byte> message, in Client client, Span<byte> response)
    {
        QueryVerdict verdict = query.Parse(message);
        if (verdict == QueryVerdict.Drop)
        {
            return 0;
        }
        Counters.CountRequest(query.QuestionLength > 0 ? query.Type : RecordType.None, client);
        Serving now = serving.Current;
        ServerBlock? block = query.QuestionLength > 0 ? now.Find(query) : null;
        int length = verdict == QueryVerdict.Refuse ? ResponseWriter.WriteEmpty(query, message, query.Refusal, 0, response)
            : block is null ? ResponseWriter.WriteEmpty(query, message, ResponseCode.Refused, 0, response)
            : Look(now, block, query, message, client, response[..Math.Min(response.Length, Limit(now, query, client))]);
        if (length > 0)
        {
            Counters.CountResponse((ResponseCode)(response[3] & HeaderFlags.CodeMask));
            if (block is { Log.Length: > 0 })
            {
                block.WriteLog(client, query, message.Length, response[..length]);
            }
        }
        return length;
    }

    private static int Limit(Serving now, in Query query, in Client client) =>
        !client.IsUdp ? Limits.Message : now.Clients.IsInside(client) ? query.UdpSize : Limits.PlainUdp;

    private int Look(Serving now, ServerBlock block, in Query query, ReadOnlySpan<byte> message, in Client client, Span<byte> response)
    {
        int length = 0;
        if (block.Hosts is { } hosts && hosts.Takes(query))
        {
            length = RespondHosts(hosts, query, message, response);
        }
        if (length == 0 && block.HasZone)
        {
            length = _responder.Respond(query, message, now.Zone.Current, response, out byte[]? aliasTarget);
            if (aliasTarget is not null || (length > 0 && block.Autopath && (response[3] & HeaderFlags.CodeMask) == (int)ResponseCode.NoSuchName && Next(now, query, client).Count > 0))
            {
                return Later;
            }
        }
        return length > 0 ? length : block.Route(query) is { } route
            ? LookElsewhere(now, route, query, message, client, response)
            : ResponseWriter.WriteEmpty(query, message, ResponseCode.ServerFailure, HeaderFlags.RecursionAvailable, response);
    }

    private int LookElsewhere(Serving now, ForwardRoute route, in Query query, ReadOnlySpan<byte> message, in Client client, Span<byte> response)
    {
        if (route.Probe.Sees(query))
        {
            return ResponseWriter.WriteEmpty(query, message, ResponseCode.Refused, 0, response);
        }
        if (client.IsUdp && !now.Clients.IsInside(client))
        {
            RateVerdict verdict = query.Type == RecordType.Any ? RateVerdict.Slip : now.Rate.Count(client);
            if (verdict != RateVerdict.Pass)
            {
                Counters.Limited++;
                return verdict == RateVerdict.Drop ? 0
                    : ResponseWriter.WriteEmpty(query, message, ResponseCode.NoError, HeaderFlags.Truncated | HeaderFlags.RecursionAvailable, response);
            }
        }
        int length = route.Forwarder.TryWriteCached(query, message, response);
        return length > 0 ? length : Later;
    }

    /// <summary>0 where others may know the name.</summary>
    private int RespondHosts(HostSource hosts, in Query query, ReadOnlySpan<byte> message, Span<byte> response)
    {
        if (hosts.Table.Find(query) is { } records)
        {
            return _responder.Respond(query, message, records.Of(query.Type), ResponseCode.NoError, response);
        }
        return hosts.FallsThrough(query) ? 0 : _responder.Respond(query, message, null, ResponseCode.NoSuchName, response);
    }

    /// <summary>Where the client's search list leads after a name that does not exist; empty where that is not known.</summary>
    private static IReadOnlyList<byte[]> Next(Serving now, in Query query, in Client client)
    {
        Span<byte> address = stackalloc byte[Client.LongestAddress];
        ZoneSnapshot zone = now.Zone.Current;
        return SearchPath.After(query, zone.NamespaceOf(address[..client.WriteAddress(address)]), zone, now.NodeSearch);
    }
}
