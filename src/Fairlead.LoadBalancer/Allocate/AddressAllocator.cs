using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Events;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Queues;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.LoadBalancer.Allocate;

/// <summary>
/// Gives services of type LoadBalancer their addresses, in status.loadBalancer.ingress. One of it may run in a cluster.
/// </summary>
public sealed class AddressAllocator(KubeClient client, IReadOnlyList<AddressRange> pools, ILoggerFactory logs, TimeProvider time, string? onlyClass = null)
{
    private readonly ILogger _log = logs.CreateLogger("loadbalancer");

    /// <summary>Given, but perhaps not yet seen in the cache.</summary>
    private readonly ConcurrentDictionary<ObjectKey, EquatableArray<string>> _given = new();
    private readonly ConcurrentDictionary<ObjectKey, bool> _waiting = new();

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        using var queue = new WorkQueue<ObjectKey>(time);
        var events = new EventRecorder(client, "fairlead-loadbalancer", null, _log, time);
        var services = new Informer<V1Service, BalancedService>(client, ApiResources.Services, service => BalancedService.Of(service, onlyClass), _log, time);
        services.Changed += change =>
        {
            queue.Add(change.Key);
            // What one service gives up another may be waiting for.
            if (change.Old is { } old && old.Addresses.Except(change.New?.Addresses ?? []).Any())
            {
                foreach (var key in _waiting.Keys) queue.Add(key);
            }
        };
        var parts = new[] { services.RunAsync(cancel), events.RunAsync(cancel) };
        await services.Synced.WaitAsync(cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await QueueWorkers.RunAsync("loadbalancer", queue, (key, stop) => SyncAsync(services, events, key, stop), workers: 1, _log, cancel);
        await Task.WhenAll(parts);
    }

    private async Task SyncAsync(Informer<V1Service, BalancedService> services, EventRecorder events, ObjectKey key, CancellationToken cancel)
    {
        var all = services.Items;
        if (!all.TryGetValue(key, out var service))
        {
            _given.TryRemove(key, out _);
            _waiting.TryRemove(key, out _);
            return;
        }
        foreach (var gone in _given.Keys.Where(other => !all.ContainsKey(other))) _given.TryRemove(gone, out _);
        var others = all.Values.Where(other => other.Key != key)
            .Select(other => _given.TryGetValue(other.Key, out var given) ? other with { Addresses = given } : other).ToList();
        var decision = AllocationPlan.Decide(service, others, pools);
        var about = new V1ObjectReference { ApiVersion = "v1", Kind = "Service", NamespaceProperty = key.Namespace, Name = key.Name, Uid = service.Uid };
        if (decision.Failure is { } failure)
        {
            _waiting[key] = true;
            AllocatorLog.Failed(_log, key, failure);
            events.Warning(about, "AllocationFailed", failure);
            return;
        }
        _waiting.TryRemove(key, out _);
        _given[key] = decision.Addresses;
        if (service.Addresses == decision.Addresses) return;
        await WriteAsync(service, decision.Addresses, cancel);
        AllocatorLog.Given(_log, key, string.Join(", ", decision.Addresses));
        events.Normal(about, "IPAllocated", $"Assigned IP [{string.Join(" ", decision.Addresses.Select(address => $"\"{address}\""))}]");
    }

    private async Task WriteAsync(BalancedService service, EquatableArray<string> addresses, CancellationToken cancel)
    {
        JsonNode[] ingress = [.. addresses.Select(address => new JsonObject { ["ip"] = address, ["ipMode"] = "VIP" })];
        var status = new JsonObject
        {
            // The UID makes the patch fail, not hit, a new service of the same name.
            ["metadata"] = new JsonObject { ["uid"] = service.Uid },
            ["status"] = new JsonObject
            {
                ["loadBalancer"] = new JsonObject { ["ingress"] = new JsonArray(ingress) },
            },
        };
        await client.PatchAsync(ApiResources.Services, service.Key, Patch.Merge(status), "status", cancel);
    }
}

internal static partial class AllocatorLog
{
    [LoggerMessage(8001, LogLevel.Information, "service {Key} has the address {Addresses}")]
    public static partial void Given(ILogger log, ObjectKey key, string addresses);

    [LoggerMessage(8002, LogLevel.Warning, "service {Key} waits: {Failure}")]
    public static partial void Failed(ILogger log, ObjectKey key, string failure);
}
