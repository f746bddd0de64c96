using System.Text.Json.Nodes;
using Fairlead.Ingress.Routes;
using Fairlead.Ingress.Routes.Objects;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Queues;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Ingress.Status;

/// <summary>Writes into each Ingress the address by which it is reached (status.loadBalancer.ingress).</summary>
internal sealed class StatusWriter(KubeClient client, Informer<V1Ingress, IngressInfo> ingresses, ILogger log, TimeProvider time) : IDisposable
{
    private readonly WorkQueue<ObjectKey> _queue = new(time);
    private volatile Wanted _wanted = new(false, [], new HashSet<ObjectKey>());

    /// <summary>What is to be written from now on; only differences cost anything.</summary>
    /// <param name="isOurs">Whether this process is the one to write.</param>
    /// <param name="owned">The Ingresses that are served here.</param>
    internal void Set(bool isOurs, IReadOnlyList<string> addresses, IReadOnlySet<ObjectKey> owned)
    {
        _wanted = new Wanted(isOurs, addresses, owned);
        if (!isOurs || addresses.Count == 0) return;
        foreach (var key in owned)
        {
            if (ingresses.Items.TryGetValue(key, out var ingress) && !ingress.Addresses.SequenceEqual(addresses)) _queue.Add(key);
        }
    }

    internal Task RunAsync(CancellationToken cancel) => QueueWorkers.RunAsync("ingress status", _queue, SyncAsync, 1, log, cancel);

    public void Dispose() => _queue.Dispose();

    private async Task SyncAsync(ObjectKey key, CancellationToken cancel)
    {
        var wanted = _wanted;
        if (!wanted.IsOurs || !wanted.Owned.Contains(key) || !ingresses.Items.TryGetValue(key, out var ingress) || ingress.Addresses.SequenceEqual(wanted.Addresses)) return;
        var addresses = new JsonArray();
        foreach (var address in wanted.Addresses)
            addresses.Add((JsonNode)new JsonObject { [System.Net.IPAddress.TryParse(address, out _) ? "ip" : "hostname"] = address });
        var patch = new JsonObject { ["status"] = new JsonObject { ["loadBalancer"] = new JsonObject { ["ingress"] = addresses } } };
        try
        {
            await client.PatchAsync(ApiResources.Ingresses, key, Patch.Merge(patch), "status", cancel);
        }
        catch (KubeApiException e) when (e.IsNotFound)
        {
            // It went meanwhile.
        }
    }

    private sealed record Wanted(bool IsOurs, IReadOnlyList<string> Addresses, IReadOnlySet<ObjectKey> Owned);
}
