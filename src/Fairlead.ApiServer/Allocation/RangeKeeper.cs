using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Patch.Apply;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Resources.Schema;
using Fairlead.ApiServer.Storage;
using Fairlead.ApiServer.Watch;
using Fairlead.Kube.Queues;
using Microsoft.Extensions.Logging;

namespace Fairlead.ApiServer.Allocation;

/// <summary>
/// Says of each ServiceCIDR that it is ready, and lets a deleted one go only when no address of it is in use that no other range
/// has (Kubernetes documentation: "Extend Service IP Ranges").
/// </summary>
internal sealed class RangeKeeper : IDisposable
{
    private const string Finalizer = "networking.k8s.io/service-cidr-finalizer";
    private static readonly WriteOptions Status = new(false, new FieldManager("service-cidr-controller", FieldManager.Update, "status"));
    private readonly Registry _registry;
    private readonly ServiceAllocator _allocator;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly Kind _ranges;
    private readonly WorkQueue<string> _queue;

    /// <summary>Deleted ranges that addresses still hold.</summary>
    private readonly ConcurrentDictionary<string, bool> _held = new();

    public RangeKeeper(Registry registry, ServiceAllocator allocator, ILogger log, TimeProvider time)
    {
        _registry = registry;
        _allocator = allocator;
        _log = log;
        _time = time;
        _ranges = registry.Kinds.Find("networking.k8s.io", "v1", "servicecidrs")!;
        _queue = new WorkQueue<string>(time);
    }

    public async Task RunAsync(CancellationToken cancel)
    {
        // Also the others: a range that comes may hold what a deleted one must not leave behind.
        _registry.Cache.Observe((_, kind) =>
        {
            if (kind == _ranges) AddAll();
        });
        _allocator.Changed += AddHeld;
        AddAll();
        await QueueWorkers.RunAsync("servicecidr", _queue, SyncAsync, workers: 1, _log, cancel);
        _allocator.Changed -= AddHeld;
    }

    public void Dispose() => _queue.Dispose();

    private void AddAll()
    {
        foreach (var range in _registry.Cache[_ranges].Objects.Values) _queue.Add(range.Name);
    }

    /// <summary>An address given back may have been the last that held a range.</summary>
    private void AddHeld(string address)
    {
        foreach (var (name, _) in _held) _queue.Add(name);
    }

    private async Task SyncAsync(string name, CancellationToken cancel)
    {
        if (_registry.Cache.Find(_ranges, _ranges.Key("", name))?.ToTree() is not { } range)
        {
            _held.TryRemove(name, out _);
            return;
        }
        var isDeleted = range.Text("metadata", "deletionTimestamp") is not null;
        var isOurs = range.Texts("metadata", "finalizers").Contains(Finalizer);
        // Before it is looked at, so that no address given back meanwhile is missed.
        if (isDeleted) _held[name] = true;
        try
        {
            if (!isDeleted && !isOurs) await WriteFinalizersAsync(name, finalizers => finalizers.Append(Finalizer), cancel);
            if (!isDeleted) await ShowAsync(range, "True", "", "Kubernetes Service CIDR is ready", cancel);
            else if (isOurs && IsInUse(range))
                await ShowAsync(range, "False", "Terminating", "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR", cancel);
            else if (isOurs) await WriteFinalizersAsync(name, finalizers => finalizers.Where(finalizer => finalizer != Finalizer), cancel);
        }
        catch (ApiError e) when (e.Reason == "NotFound")
        {
            // It went meanwhile.
        }
    }

    private bool IsInUse(JsonObject range)
    {
        var own = ServiceRanges.RangesOf(range);
        return _allocator.IsHeld(address => own.Any(part => part.Contains(address)) && !_allocator.Ranges.Contains(address));
    }

    private Task<StoredObject> WriteFinalizersAsync(string name, Func<IEnumerable<string>, IEnumerable<string>> change, CancellationToken cancel) => _registry.UpdateAsync(
        _ranges, "", name, UpdateScope.Object,
        current =>
        {
            current.Child("metadata")["finalizers"] = change([.. current.Texts("metadata", "finalizers")]).ToJsonArray();
            return current;
        },
        null, WriteOptions.Own, cancel);

    private async Task ShowAsync(JsonObject range, string status, string reason, string message, CancellationToken cancel)
    {
        var shown = range.Items("status", "conditions").Select(pair => pair.Item).FirstOrDefault(condition => condition.Text("type") == "Ready");
        if (shown?.Text("status") == status && shown.Text("reason") == reason) return;
        var ready = new JsonObject
        {
            ["type"] = "Ready",
            ["status"] = status,
            ["reason"] = reason,
            ["message"] = message,
            ["lastTransitionTime"] = Timestamp.Format(_time.GetUtcNow()),
        };
        await _registry.UpdateAsync(
            _ranges, "", range.Text("metadata", "name")!, UpdateScope.Status,
            current =>
            {
                var others = current.Items("status", "conditions").Select(pair => pair.Item).Where(condition => condition.Text("type") != "Ready").Select(condition => condition.DeepClone());
                current.Child("status")["conditions"] = new JsonArray([.. others, ready.DeepClone()]);
                return current;
            },
            null, Status, cancel);
    }
}
