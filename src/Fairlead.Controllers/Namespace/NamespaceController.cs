using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Discovery;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Microsoft.Extensions.Logging;

namespace Fairlead.Controllers.Namespace;

/// <summary>Empties namespaces that are being deleted and lets them go when nothing is left in them.</summary>
internal sealed class NamespaceController : KeyedController<string>
{
    private const string Finalizer = "kubernetes";
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);

    private readonly Caches _caches;
    private readonly KubeClient _client;
    private readonly KindCatalog _kinds;
    private readonly NamespaceCleaner _cleaner;
    private readonly TimeProvider _time;

    public NamespaceController(ControllerContext context)
        : base("namespace", workers: 4, context.Log("Namespace"), context.Time)
    {
        _caches = context.Caches;
        _client = context.Client;
        _kinds = context.Kinds;
        _time = context.Time;
        _cleaner = new NamespaceCleaner(_client);
        _caches.Namespaces.Changed += change => Queue.Add(change.Key.Name);
        _caches.Pods.Changed += change =>
        {
            if (change.New is null && Find(change.Key.Namespace) is { Meta.IsDeleting: true }) Queue.Add(change.Key.Namespace);
        };
    }

    protected override async Task SyncAsync(string key, CancellationToken cancel)
    {
        if (Find(key) is not { } ns) return;
        if (!ns.Meta.IsDeleting)
        {
            if (ns.Phase.Length == 0) await ActivateAsync(ns, cancel);
            return;
        }
        if (!ns.SpecFinalizers.Contains(Finalizer)) return;
        var (kinds, discoveryError) = await DiscoverAsync(cancel);
        var remainders = await _cleaner.CleanAsync(key, kinds, cancel);
        if (discoveryError is null && remainders.All(remainder => remainder.Count == 0 && remainder.Error is null))
        {
            await FinalizeAsync(ns, cancel);
            return;
        }
        await ShowAsync(ns, NamespacePlan.Conditions(remainders, discoveryError), cancel);
        Queue.AddAfter(key, LookAgain);
    }

    private NamespaceItem? Find(string name) => _caches.Namespaces.Items.GetValueOrDefault(new ObjectKey("", name));

    /// <summary>Read anew each time: a kind added since would keep objects behind that nobody deletes.</summary>
    private async Task<(IReadOnlyList<ApiKind> Kinds, string? Error)> DiscoverAsync(CancellationToken cancel)
    {
        try
        {
            return (await _kinds.RefreshAsync(cancel), null);
        }
        catch (Exception e) when (e is HttpRequestException or JsonException)
        {
            return ([], $"Discovery failed for some groups: {e.Message}");
        }
    }

    private async Task ActivateAsync(NamespaceItem ns, CancellationToken cancel)
    {
        var patch = new JsonObject { ["status"] = new JsonObject { ["phase"] = "Active" } };
        await _client.PatchAsync(ApiResources.Namespaces, ns.Key, Patch.Merge(patch), "status", cancel);
    }

    private async Task FinalizeAsync(NamespaceItem ns, CancellationToken cancel)
    {
        var live = await _client.FindAsync(ApiResources.Namespaces, null, ns.Key.Name, cancel);
        if (live?.Metadata.Uid != ns.Meta.Uid || live.Spec?.Finalizers is not { } finalizers) return;
        live.Spec.Finalizers = [.. finalizers.Where(name => name != Finalizer)];
        try
        {
            await _client.ReplaceAsync(ApiResources.Namespaces, live, "finalize", cancel);
            NamespaceLog.Emptied(Logger, ns.Key.Name);
        }
        catch (KubeApiException e) when (e.IsNotFound)
        {
            // Another finished it first.
        }
    }

    private async Task ShowAsync(NamespaceItem ns, IReadOnlyList<NamespaceConditionText> conditions, CancellationToken cancel)
    {
        var live = await _client.FindAsync(ApiResources.Namespaces, null, ns.Key.Name, cancel);
        if (live is null) return;
        var present = (live.Status?.Conditions ?? []).ToDictionary(condition => condition.Type);
        if (conditions.All(wanted => present.TryGetValue(wanted.Type, out var there) && there.Status == Status(wanted) && there.Message == wanted.Message)) return;
        var now = Timestamps.Seconds(_time.GetUtcNow());
        var list = new JsonArray();
        foreach (var wanted in conditions)
        {
            var since = present.TryGetValue(wanted.Type, out var there) && there.Status == Status(wanted) && there.LastTransitionTime is { } time
                ? Timestamps.Seconds(time)
                : now;
            list.Add((JsonNode)new JsonObject
            {
                ["type"] = wanted.Type,
                ["status"] = Status(wanted),
                ["lastTransitionTime"] = since,
                ["reason"] = wanted.Reason,
                ["message"] = wanted.Message,
            });
        }
        var patch = new JsonObject { ["status"] = new JsonObject { ["conditions"] = list } };
        await _client.PatchAsync(ApiResources.Namespaces, ns.Key, Patch.Merge(patch), "status", cancel);
    }

    private static string Status(NamespaceConditionText condition) => condition.Holds ? "True" : "False";
}

internal static partial class NamespaceLog
{
    [LoggerMessage(3050, LogLevel.Debug, "namespace {Name} is empty and let go")]
    public static partial void Emptied(ILogger log, string name);
}
