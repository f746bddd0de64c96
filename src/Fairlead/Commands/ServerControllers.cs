using Fairlead.Controllers;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Leases;
using Fairlead.LoadBalancer;
using Fairlead.LoadBalancer.Allocate;
using Fairlead.Terminal;

namespace Fairlead.Commands;

/// <summary>A server's controllers and its allocator of load balancer addresses.</summary>
/// <param name="identity">Several servers share a store: they run only while this one, by this name, leads. Null: it is the only one.</param>
internal sealed class ServerControllers(
    KubeClient client, ControllerOptions options, IReadOnlyList<AddressRange> pools, string? identity, LineLoggerFactory logs, TimeProvider time)
{
    private volatile ControllerSet? _running;

    /// <summary>What keeps them, of which the scheduler is one, from their work; null: nothing, or another server leads.</summary>
    public string? Failure => _running switch
    {
        null => identity is null ? "not started yet" : null,
        { Ready.IsCompletedSuccessfully: true } => null,
        _ => "its caches are not filled yet",
    };

    public Task RunAsync(CancellationToken cancel) => identity is null
        ? RunAllAsync(cancel)
        : new LeaderLease(client, new ObjectKey("kube-system", "kube-controller-manager"), identity, logs.CreateLogger("controllers"), time).RunAsync(RunAllAsync, cancel);

    private async Task RunAllAsync(CancellationToken leading)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(leading);
        var controllers = new ControllerSet(client, options, logs, time);
        _running = controllers;
        var parts = new List<Task> { controllers.RunAsync(stop.Token) };
        if (pools.Count > 0) parts.Add(new AddressAllocator(client, pools, logs, time).RunAsync(stop.Token));
        await Task.WhenAny(parts);
        await stop.CancelAsync();
        await Task.WhenAll(parts);
        _running = null;
    }
}
