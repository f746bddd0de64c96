using System.Net;
using Fairlead.Dns;
using Fairlead.Dns.Forward;
using Fairlead.Dns.Health;
using Fairlead.Dns.Server;
using Fairlead.Dns.Wire;
using Fairlead.Dns.Zone;
using Fairlead.Unit.Dns.Forward;
using Fairlead.Unit.Dns.Zone;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Fairlead.Unit.Dns.Health;

public sealed class DnsMetricsTests
{
    [Fact]
    public async Task Write_AfterQuestions_CountsUnderCoreDnsNames()
    {
        await using var upstream = new ScriptedServer((query, _) => [ScriptedServer.Answer(query)]);
        var block = new ServerBlockOptions { Forward = [new ForwardRule { Servers = [new UpstreamServer(upstream.Address)] }] };
        using var serving = new Serving(new ZoneHolder(ZoneCluster.Zone), new ClusterDnsOptions { Blocks = [block] }, NullLogger.Instance, TimeProvider.System);
        var holder = new ServingHolder(serving);
        var status = new DnsStatus { Serving = holder };
        var handlers = new QueryHandlers(holder, status, NullLogger.Instance, TimeProvider.System);
        QueryHandler handler = handlers.Open();
        await AskAsync(handler, "web.default.svc.cluster.local", RecordType.A, udp: true);
        await AskAsync(handler, "web.default.svc.cluster.local", RecordType.Srv, udp: true);
        await AskAsync(handler, "nobody.default.svc.cluster.local", RecordType.A, udp: false);
        await AskAsync(handler, "example.com", RecordType.A, udp: true);
        await AskAsync(handler, "example.com", RecordType.A, udp: true);
        // What a connection counted outlives it.
        handlers.Close(handler);

        string[] lines = DnsMetrics.Write(status).Split('\n');

        Assert.Contains("coredns_dns_requests_total{family=\"1\",proto=\"udp\",server=\"dns\",type=\"A\",zone=\".\",view=\"\"} 3", lines);
        Assert.Contains("coredns_dns_requests_total{family=\"1\",proto=\"udp\",server=\"dns\",type=\"SRV\",zone=\".\",view=\"\"} 1", lines);
        Assert.Contains("coredns_dns_requests_total{family=\"1\",proto=\"tcp\",server=\"dns\",type=\"A\",zone=\".\",view=\"\"} 1", lines);
        Assert.Contains("coredns_dns_responses_total{rcode=\"NOERROR\",server=\"dns\",zone=\".\",view=\"\"} 4", lines);
        Assert.Contains("coredns_dns_responses_total{rcode=\"NXDOMAIN\",server=\"dns\",zone=\".\",view=\"\"} 1", lines);
        Assert.Contains("coredns_cache_hits_total{server=\"dns\",zones=\".\",view=\"\"} 1", lines);
        Assert.Contains("coredns_cache_misses_total{server=\"dns\",zones=\".\",view=\"\"} 1", lines);
        Assert.Contains("coredns_cache_entries 1", lines);
        Assert.Contains("coredns_forward_requests_total 1", lines);
        Assert.Contains("# TYPE coredns_dns_request_duration_seconds histogram", lines);
        Assert.Contains($"fairlead_dns_services {ZoneCluster.Zone.ServiceCount}", lines);
    }

    private static async Task AskAsync(QueryHandler handler, string name, RecordType type, bool udp)
    {
        byte[] message = Ask.Query(name, type);
        Client client = Client.From(new IPEndPoint(IPAddress.Parse("10.244.0.5"), 4242), udp, TimeProvider.System.GetTimestamp());
        if (TryAnswer(handler, message, client) == QueryHandler.Later)
        {
            await handler.AnswerAsync(message, client);
        }
    }

    private static int TryAnswer(QueryHandler handler, byte[] message, Client client)
    {
        var query = default(Query);
        return handler.TryAnswer(ref query, message, client, new byte[1232]);
    }
}
