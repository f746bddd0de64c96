using System.Net;
using System.Net.Sockets;
using Fairlead.Dns.Forward;
using Fairlead.Dns.Health;
using Fairlead.Dns.Server;
using Fairlead.Dns.Zone;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns;

/// <summary>
/// A DNS that only forwards: what nodes in namespaces of this machine ask, because the machine's resolvers may not be
/// reachable from there (127.0.0.53 never is).
/// </summary>
/// <param name="upstreams">Servers to ask; null: those in /etc/resolv.conf.</param>
public sealed class ForwardingDns(IPEndPoint listen, IReadOnlyList<UpstreamServer>? upstreams, ILoggerFactory logs, TimeProvider time)
{
    private readonly ILogger _log = logs.CreateLogger<ForwardingDns>();

    /// <summary>Listens until cancelled.</summary>
    /// <exception cref="IOException">The address cannot be listened at.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        // A zone that never completes: a cluster's own names end here instead of leaving the machine.
        var holder = new ZoneHolder(ZoneSnapshot.Empty(new ZoneOptions { Reverse = default }));
        using var serving = new Serving(holder, new ClusterDnsOptions { Blocks = [ServerBlockOptions.Of(upstreams)] }, _log, time);
        await using var listeners = new Listeners(new QueryHandlers(new ServingHolder(serving), new DnsStatus(), _log, time), _log, time);
        try
        {
            listeners.Open(listen, workers: 1);
        }
        catch (SocketException e)
        {
            throw new IOException($"cannot listen at {listen}: {e.Message}", e);
        }
        await serving.RunAsync(cancellationToken);
        await Task.Delay(Timeout.InfiniteTimeSpan, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
