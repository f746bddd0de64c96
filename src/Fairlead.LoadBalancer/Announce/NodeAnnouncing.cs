using Fairlead.Kube.Client;
using Fairlead.Linux.Namespaces;
using Fairlead.LoadBalancer.Bgp;
using Microsoft.Extensions.Logging;

namespace Fairlead.LoadBalancer.Announce;

/// <summary>A node's announcing: in layer 2, or by BGP where peers are named, or both.</summary>
public sealed class NodeAnnouncing(KubeClient client, AnnouncerOptions options, ILoggerFactory logs, TimeProvider time)
{
    private readonly BgpAnnouncer? _bgp = options.Bgp is { } bgp ? new BgpAnnouncer(client, options, bgp, logs, time) : null;

    /// <summary>Metrics in Prometheus' text format; empty where nothing is counted.</summary>
    public string Metrics() => _bgp?.Metrics() ?? "";

    /// <summary>Runs until cancelled.</summary>
    /// <exception cref="IOException">The kernel refused.</exception>
    public async Task RunAsync(CancellationToken cancel)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var parts = new List<Task>();
        if (options.AnnouncesInLayer2) parts.Add(new AddressAnnouncer(client, options, logs, time).RunAsync(stop.Token));
        else ClearLayer2();
        if (_bgp is not null) parts.Add(_bgp.RunAsync(stop.Token));
        await Task.WhenAny(parts);
        await stop.CancelAsync();
        await Task.WhenAll(parts);
    }

    /// <summary>What the node answered for before it was told to use BGP alone.</summary>
    private void ClearLayer2()
    {
        using var network = options.OpenNetwork();
        new AnnouncedAddresses(network, options.NodeAddress).Apply(new HashSet<string>(), null);
    }
}
