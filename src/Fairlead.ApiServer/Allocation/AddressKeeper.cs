using System.Net;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Resources.Strategies;
using Fairlead.ApiServer.Watch;
using Fairlead.Kube.Queues;
using Microsoft.Extensions.Logging;

namespace Fairlead.ApiServer.Allocation;

/// <summary>
/// Shows the cluster IPs that Services hold as IPAddress objects, one an address, and brings those back that are lost (Kubernetes
/// documentation: "Extend Service IP Ranges"). The Services stay the truth: an IPAddress follows within a moment.
/// </summary>
internal sealed class AddressKeeper : IDisposable
{
    private readonly Registry _registry;
    private readonly ServiceAllocator _allocator;
    private readonly ILogger _log;
    private readonly Kind _addresses;
    private readonly WorkQueue<string> _queue;

    public AddressKeeper(Registry registry, ServiceAllocator allocator, ILogger log, TimeProvider time)
    {
        _registry = registry;
        _allocator = allocator;
        _log = log;
        _addresses = registry.Kinds.Find("networking.k8s.io", "v1", "ipaddresses")!;
        _queue = new WorkQueue<string>(time);
    }

    /// <summary>Until cancelled; begins with what a server before this one left undone.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        _allocator.Changed += _queue.Add;
        _registry.Cache.Observe((change, kind) =>
        {
            if (kind == _addresses) _queue.Add((change.New ?? change.Old!).Name);
        });
        foreach (var address in _registry.Cache[_addresses].Objects.Values) _queue.Add(address.Name);
        foreach (var address in _allocator.Held()) _queue.Add(address);
        await QueueWorkers.RunAsync("ipaddress", _queue, SyncAsync, workers: 1, _log, cancel);
        _allocator.Changed -= _queue.Add;
    }

    public void Dispose() => _queue.Dispose();

    private async Task SyncAsync(string address, CancellationToken cancel)
    {
        var holder = _allocator.HolderOf(address);
        var present = _registry.Cache.Find(_addresses, _addresses.Key("", address));
        if (present is not null && !IpAddressStrategy.IsOurs(present.Labels)) return;
        try
        {
            // What an IPAddress is for never changes: a new holder gets a new object.
            if (present is not null && ParentOf(present.ToTree()) != holder) await _registry.DeleteAsync(_addresses, "", address, Deletion.Default, cancel);
            else if (present is null && holder is not null) await _registry.CreateAsync(_addresses, "", Compose(address, holder), WriteOptions.Own, cancel);
        }
        catch (ApiError e) when (e.Reason is "AlreadyExists" or "NotFound")
        {
            // Somebody else wrote it; that change is in this queue already.
        }
    }

    private static string ParentOf(JsonObject address) => $"{address.Text("spec", "parentRef", "namespace")}/{address.Text("spec", "parentRef", "name")}";

    private static JsonObject Compose(string address, string holder) => new()
    {
        ["metadata"] = new JsonObject
        {
            ["name"] = address,
            ["labels"] = new JsonObject
            {
                ["ipaddress.kubernetes.io/ip-family"] = IpFamily.Of(address),
                [IpAddressStrategy.ManagedBy] = IpAddressStrategy.Allocator,
            },
        },
        ["spec"] = new JsonObject
        {
            ["parentRef"] = new JsonObject { ["resource"] = "services", ["namespace"] = holder.Split('/')[0], ["name"] = holder.Split('/')[1] },
        },
    };
}
