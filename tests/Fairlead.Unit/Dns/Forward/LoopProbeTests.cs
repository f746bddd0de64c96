using System.Net;
using Fairlead.Dns;
using Fairlead.Dns.Forward;
using Fairlead.Dns.Health;
using Fairlead.Dns.Server;
using Fairlead.Dns.Zone;
using Fairlead.Unit.Dns.Zone;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Fairlead.Unit.Dns.Forward;

public sealed class LoopProbeTests
{
    [Fact]
    public async Task RunAsync_ServerThatLeadsBack_IsNotAskedAnyMore()
    {
        await using var other = new ScriptedServer((query, _) => [ScriptedServer.Answer(query)]);
        var address = new IPEndPoint(Loopback.Next(), 20053);
        var block = new ServerBlockOptions
        {
            Forward = [new ForwardRule { Domain = "example.com", Servers = [new UpstreamServer(address), new UpstreamServer(other.Address)] }],
        };
        using var serving = new Serving(new ZoneHolder(ZoneCluster.Zone), new ClusterDnsOptions { Blocks = [block] }, NullLogger.Instance, TimeProvider.System);
        await using var listeners = new Listeners(
            new QueryHandlers(new ServingHolder(serving), new DnsStatus(), NullLogger.Instance, TimeProvider.System), NullLogger.Instance, TimeProvider.System);
        listeners.Open(address, workers: 1);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));

        await serving.RunAsync(patience.Token);

        Assert.Equal([true, false], serving.Blocks[0].Routes[0].Forwarder.Upstreams.Select(upstream => upstream.IsLoop));
    }
}
