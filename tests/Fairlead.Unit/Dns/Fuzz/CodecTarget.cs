using System.Buffers.Binary;
using System.Net;
using Fairlead.Dns;
using Fairlead.Dns.Forward;
using Fairlead.Dns.Hosts;
using Fairlead.Dns.Server;
using Fairlead.Dns.Wire;
using Fairlead.Dns.Zone;
using Fairlead.Kube;
using Fairlead.Unit.Dns.Zone;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.Unit.Dns.Fuzz;

/// <summary>
/// The fuzz target of the codec: any bytes, as a query to the server and as the answer of another server. Whatever they are, nothing
/// throws, what is answered can be read, fits the client's size and carries the question's id.
/// </summary>
internal sealed class CodecTarget
{
    private static readonly byte[] s_asked = Ask.Query("www.example.com", edns: 1232);
    private readonly CacheOptions _cache = new();
    private readonly QueryHandler _handler;
    private readonly Client _client = Client.From(new IPEndPoint(IPAddress.Parse("10.244.0.5"), 4242), isUdp: true, 0);
    private readonly Client _stranger = Client.From(new IPEndPoint(IPAddress.Parse("2001:db8::5"), 4242), isUdp: true, 0);
    private readonly QueryLog _log = new(new QueryLogOptions(), NullLogger.Instance, TimeProvider.System);

    internal CodecTarget()
    {
        ZoneSnapshot zone = ZoneCluster.Build().WithPod(new ObjectKey("default", "pet-0"), null, new PodInfo(new([IPAddress.Parse("10.244.0.5")]), false));
        var block = new ServerBlockOptions
        {
            Autopath = true,
            Hosts = new HostsOptions { Lines = ["192.0.2.9 db.example.com"], Fallthrough = ["."] },
            Forward = [new ForwardRule { Domain = "consul.local", Servers = [new UpstreamServer(new IPEndPoint(IPAddress.Loopback, 9))] }],
        };
        var serving = new Serving(new ZoneHolder(zone), new ClusterDnsOptions { Blocks = [block] }, NullLogger.Instance, TimeProvider.System);
        _handler = new QueryHandler(new ServingHolder(serving), NullLogger.Instance, TimeProvider.System);
    }

    internal void Run(ReadOnlySpan<byte> message)
    {
        AsQuery(message, _client);
        AsQuery(message, _stranger);
        AsAnswer(message);
    }

    private void AsQuery(ReadOnlySpan<byte> message, Client client)
    {
        Span<byte> response = stackalloc byte[Limits.EdnsUdp];
        var query = default(Query);
        int length = _handler.TryAnswer(ref query, message, client, response);
        if (length is 0 or QueryHandler.Later)
        {
            return;
        }
        Span<byte> answer = response[..length];
        Ask.TryRead(answer);
        Hold(length <= Math.Max(query.UdpSize, Limits.PlainUdp), "the answer is longer than the client takes");
        Hold(answer[..2].SequenceEqual(message[..2]), "the id is another");
        Hold((answer[2] & 0x80) != 0, "the answer is no response");
        Hold(BinaryPrimitives.ReadUInt16BigEndian(answer[4..]) == 0 || answer.Slice(Limits.Header, query.QuestionLength).SequenceEqual(message.Slice(Limits.Header, query.QuestionLength)), "the question is another");
        _log.Line(client, query, message.Length, answer);
    }

    private void AsAnswer(ReadOnlySpan<byte> message)
    {
        UpstreamQuery.IsAnswered(s_asked, message);
        byte[] own = message.ToArray();
        if (CachedResponse.Read(own, _cache, 0) is not { } kept)
        {
            return;
        }
        // What is accepted of others is an answer to the very question; a client's differs from it in letters and id alone.
        own[2] &= 0x79;
        own[3] = 0;
        byte[] asked = [.. own];
        var query = default(Query);
        if (query.Parse(asked) == QueryVerdict.Drop || query.QuestionLength == 0)
        {
            return;
        }
        byte[] response = new byte[Limits.Message];
        int length = kept.WriteTo(query, asked, 3, response.AsSpan(0, query.UdpSize));
        Hold(length <= query.UdpSize, "the kept answer is longer than the client takes");
        byte[] whole = response[..kept.WriteTo(query, asked, uint.MaxValue, response)];
        byte[] alias = Ask.Query("ext.default.svc.cluster.local");
        var aliasQuery = default(Query);
        aliasQuery.Parse(alias);
        AliasWriter.Write(aliasQuery, alias, [whole, whole], response.AsSpan(0, Limits.PlainUdp));
    }

    private static void Hold(bool holds, string what)
    {
        if (!holds)
        {
            throw new InvalidDataException(what);
        }
    }
}
