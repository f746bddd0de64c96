using System.Net;
using System.Net.Sockets;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Queues;
using Fairlead.Linux.Namespaces;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.LoadBalancer.Announce;

/// <summary>Runs on every node: answers ARP for the load-balancer addresses that fall to this node, in its process's namespace.</summary>
public sealed class AddressAnnouncer(KubeClient client, string nodeName, IPAddress nodeAddress, ILoggerFactory logs, TimeProvider time)
{
    private const string Excluded = "node.kubernetes.io/exclude-from-external-load-balancers";
    private const int Announcements = 3;
    private static readonly TimeSpan BetweenAnnouncements = TimeSpan.FromSeconds(1);
    private readonly ILogger _log = logs.CreateLogger("loadbalancer");

    /// <summary>Runs until cancelled. The addresses stay when it ends: its successor takes them over.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        using var network = NetworkNamespace.OpenCurrent();
        using var queue = new WorkQueue<string>(time);
        var addresses = new AnnouncedAddresses(network, nodeAddress);
        var services = new Informer<V1Service, BalancedService>(client, ApiResources.Services, BalancedService.Of, _log, time);
        var nodes = new Informer<V1Node, ReceivingNode>(client, ApiResources.Nodes, ReceivingNode.Of, _log, time);
        var slices = new Informer<V1EndpointSlice, SliceNodes>(client, ApiResources.EndpointSlices, SliceNodes.Of, _log, time);
        // One key for all: what this node announces is one set, and deciding it is cheap.
        services.Changed += _ => queue.Add(nodeName);
        nodes.Changed += _ => queue.Add(nodeName);
        slices.Changed += change =>
        {
            if (services.Items.ContainsKey((change.New ?? change.Old)!.Service)) queue.Add(nodeName);
        };
        var informers = Task.WhenAll(services.RunAsync(cancel), nodes.RunAsync(cancel), slices.RunAsync(cancel));
        await Task.WhenAll(services.Synced, nodes.Synced, slices.Synced).WaitAsync(cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        queue.Add(nodeName);
        await QueueWorkers.RunAsync("announcer", queue, (_, stop) => Sync(addresses, services, nodes, slices, stop), workers: 1, _log, cancel);
        await informers;
    }

    private Task Sync(
        AnnouncedAddresses addresses, Informer<V1Service, BalancedService> services, Informer<V1Node, ReceivingNode> nodes,
        Informer<V1EndpointSlice, SliceNodes> slices, CancellationToken cancel)
    {
        var ready = nodes.Items.Values.Select(node => node.Name).ToList();
        var wanted = AnnouncePlan.Decide(
            nodeName, services.Items.Values, ready,
            service => slices.Items.Values.Where(slice => slice.Service == service).SelectMany(slice => slice.Nodes.Split(',')).ToHashSet());
        foreach (var address in addresses.Apply(wanted))
        {
            AnnouncerLog.Announced(_log, nodeName, address);
            _ = TellAsync(addresses, address, cancel);
        }
        return Task.CompletedTask;
    }

    /// <summary>More than once, since nobody confirms an announcement.</summary>
    private async Task TellAsync(AnnouncedAddresses addresses, string address, CancellationToken cancel)
    {
        try
        {
            for (var i = 0; i < Announcements; i++)
            {
                addresses.Tell(address);
                await Task.Delay(BetweenAnnouncements, time, cancel);
            }
        }
        catch (OperationCanceledException)
        {
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            AnnouncerLog.NotTold(_log, address, e.Message);
        }
    }

    /// <summary>A node that may receive traffic from outside.</summary>
    private sealed record ReceivingNode(string Name)
    {
        public static ReceivingNode? Of(V1Node node) =>
            node.Metadata.Labels?.ContainsKey(Excluded) != true
            && node.Spec?.Unschedulable != true
            && node.Status?.Conditions?.Any(condition => condition.Type == "Ready" && condition.Status == "True") == true
                ? new ReceivingNode(node.Metadata.Name)
                : null;
    }

    /// <param name="Nodes">Names of the nodes with a ready endpoint, sorted and joined by commas.</param>
    private sealed record SliceNodes(ObjectKey Service, string Nodes)
    {
        public static SliceNodes? Of(V1EndpointSlice slice) =>
            slice.Metadata.Labels is { } labels && labels.TryGetValue("kubernetes.io/service-name", out var name)
                ? new SliceNodes(
                    new ObjectKey(slice.Metadata.NamespaceProperty, name),
                    string.Join(',', (slice.Endpoints ?? []).Where(endpoint => endpoint.Conditions?.Ready != false && endpoint.NodeName is not null)
                        .Select(endpoint => endpoint.NodeName).Distinct().Order(StringComparer.Ordinal)))
                : null;
    }
}

internal static partial class AnnouncerLog
{
    [LoggerMessage(8101, LogLevel.Information, "node {Node} announces {Address}")]
    public static partial void Announced(ILogger log, string node, string address);

    [LoggerMessage(8102, LogLevel.Warning, "{Address} could not be announced: {Message}")]
    public static partial void NotTold(ILogger log, string address, string message);
}
