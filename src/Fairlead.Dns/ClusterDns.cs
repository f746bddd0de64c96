using System.Net;
using System.Net.Sockets;
using Fairlead.Dns.Forward;
using Fairlead.Dns.Health;
using Fairlead.Dns.Server;
using Fairlead.Dns.Zone;
using Fairlead.Kube.Client;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns;

/// <summary>
/// The cluster's DNS: names of Services, endpoints and pods from the API
/// (https://github.com/kubernetes/dns/blob/master/docs/specification.md), everything else from other servers.
/// </summary>
public sealed class ClusterDns(KubeClient client, ClusterDnsOptions options, ILoggerFactory logs, TimeProvider time)
{
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ILogger _log = logs.CreateLogger<ClusterDns>();

    /// <summary>Completes when every object that the API server has is answered for.</summary>
    public Task Ready => _ready.Task;

    /// <summary>Readiness and counts, for <see cref="DnsHealthServer"/>.</summary>
    public DnsStatus Status { get; } = new();

    /// <summary>Where it listens, once it does.</summary>
    public IReadOnlyList<IPEndPoint> Addresses { get; private set; } = [];

    /// <summary>Listens until cancelled. Until <see cref="Ready"/>, the cluster's own names are answered with SERVFAIL.</summary>
    /// <exception cref="IOException">An address cannot be listened at.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var holder = new ZoneHolder(ZoneSnapshot.Empty(options.ClusterDomain, (uint)options.TimeToLive));
        var forwarder = new Forwarder(new ForwardOptions { Upstreams = options.Upstreams ?? ResolverFile.Read() }, _log, time);
        (Status.Zone, Status.Forwarder) = (holder, forwarder);
        var probe = new LoopProbe(forwarder, _log);
        if (forwarder.Upstreams.Count == 0)
        {
            ForwardLog.NoUpstreams(_log);
        }
        await using var listeners = new Listeners(new QueryHandlers(holder, forwarder, probe, Status, _log), _log, time);
        Open(listeners);
        Addresses = listeners.Addresses;
        var sync = new ZoneSync(client, holder, _log, time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task[] tasks = [sync.RunAsync(SetReady, stop.Token), probe.RunAsync(stop.Token)];
        try
        {
            await tasks[0];
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(tasks).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void SetReady()
    {
        Status.SetReady();
        _ready.TrySetResult();
    }

    private void Open(Listeners listeners)
    {
        int workers = options.Workers > 0 ? options.Workers : Environment.ProcessorCount;
        foreach (IPEndPoint address in options.Listen)
        {
            try
            {
                listeners.Open(address, workers);
            }
            catch (SocketException e)
            {
                throw new IOException($"cannot listen at {address}: {e.Message}", e);
            }
        }
    }
}
