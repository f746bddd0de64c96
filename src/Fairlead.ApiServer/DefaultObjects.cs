using System.Net;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Security.Rbac;
using Fairlead.ApiServer.Storage;
using Fairlead.ApiServer.Watch;
using Microsoft.Extensions.Logging;

namespace Fairlead.ApiServer;

/// <summary>What every cluster has from its first moment: the system namespaces, the Service of the API server itself, that of the DNS, and the default roles.</summary>
internal sealed class DefaultObjects(Registry registry, ApiServerOptions options, ServerPresence? presence)
{
    private const int DnsAddress = 10;
    private const int DnsPort = 10053;
    private static readonly string[] Namespaces = ["default", "kube-system", "kube-public", "kube-node-lease"];

    /// <summary>Endpoints of default/kubernetes.</summary>
    private IReadOnlyList<IPAddress> Servers => presence?.Addresses ?? [options.AdvertiseAddress.Address];

    public async Task EnsureAsync(CancellationToken cancel)
    {
        await EnsureOwnAsync(cancel);
        await Task.WhenAll(
            EnsureAsync("scheduling.k8s.io", "priorityclasses", "", "system-node-critical", Priority(2_000_001_000, "Used for system critical pods that must not be moved from their current node."), cancel),
            EnsureAsync("scheduling.k8s.io", "priorityclasses", "", "system-cluster-critical", Priority(2_000_000_000, "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary."), cancel));
        // At once, so that the store commits them together.
        await Task.WhenAll(DefaultRoles.Read().Select(role => EnsureAsync("rbac.authorization.k8s.io", role.Plural, role.Object.Text("metadata", "namespace") ?? "", role.Object.Text("metadata", "name")!, role.Object, cancel)));
    }

    private async Task EnsureOwnAsync(CancellationToken cancel)
    {
        foreach (var name in Namespaces) await EnsureAsync("", "namespaces", "", name, [], cancel);
        if (presence is not null) await presence.AnnounceAsync(cancel);
        await EnsureAsync("networking.k8s.io", "servicecidrs", "", "kubernetes", new JsonObject { ["spec"] = new JsonObject { ["cidrs"] = options.ServiceRanges.Select(range => range.ToString()).ToJsonArray() } }, cancel);
        await EnsureAsync("", "services", "default", "kubernetes", Service(), cancel);
        await EnsureAsync("", "services", "kube-system", "kube-dns", DnsService(), cancel);
        await EnsureAsync("", "endpoints", "default", "kubernetes", Endpoints(), cancel);
        await EnsureAsync("discovery.k8s.io", "endpointslices", "default", "kubernetes", EndpointSlice(), cancel);
    }

    /// <summary>Brings back what is deleted or changed of the objects that are the server's own, until cancelled. Roles come back with the next start, as in Kubernetes.</summary>
    public async Task KeepAsync(ObjectCache cache, ILogger log, CancellationToken cancel)
    {
        var lost = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        cache.Observe((change, kind) =>
        {
            if (IsOurs(kind, change.Old ?? change.New!) || (presence is not null && ServerPresence.Concerns(change, kind))) lost.Writer.TryWrite(true);
        });
        // What other servers did since this one last looked.
        lost.Writer.TryWrite(true);
        try
        {
            await foreach (var _ in lost.Reader.ReadAllAsync(cancel)) await RestoreAsync(log, cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
        }
    }

    private async Task RestoreAsync(ILogger log, CancellationToken cancel)
    {
        try
        {
            await EnsureOwnAsync(cancel);
        }
        catch (Exception e) when (e is ApiError or StoreException)
        {
            // The next change of one of them tries again; so does the next start.
            DefaultObjectsLog.NotRestored(log, e.Message);
        }
    }

    private static bool IsOurs(Kind kind, StoredObject obj) => (kind.Plural, obj.Namespace, obj.Name) switch
    {
        ("services" or "endpoints" or "endpointslices", "default", "kubernetes") or ("servicecidrs", _, "kubernetes") => true,
        ("services", "kube-system", "kube-dns") => true,
        ("namespaces", _, var name) => Namespaces.Contains(name),
        _ => false,
    };

    private async Task EnsureAsync(string group, string plural, string ns, string name, JsonObject wanted, CancellationToken cancel)
    {
        var kind = registry.Kinds.Find(group, "v1", plural)!;
        if (wanted["metadata"] is not JsonObject metadata) wanted["metadata"] = metadata = [];
        metadata["name"] = name;
        if (registry.Cache.Find(kind, kind.Key(ns, name)) is null) await CreateAsync(kind, ns, wanted, cancel);
        // A server that has moved says so; the address of the Service, once given, stays.
        else if (plural is "endpoints" or "endpointslices")
        {
            await registry.UpdateAsync(kind, ns, name, UpdateScope.Object, current =>
            {
                foreach (var (field, value) in wanted)
                {
                    if (field != "metadata") current[field] = value!.DeepClone();
                }
                return current;
            }, null, WriteOptions.Own, cancel);
        }
    }

    private async Task CreateAsync(Kind kind, string ns, JsonObject wanted, CancellationToken cancel)
    {
        try
        {
            await registry.CreateAsync(kind, ns, wanted, WriteOptions.Own, cancel);
        }
        catch (ApiError e) when (e.Reason == "AlreadyExists")
        {
            // Another server starts at the same time.
        }
    }

    private static JsonObject Priority(long value, string description) => new() { ["value"] = value, ["description"] = description };

    private static JsonObject Labels() => new() { ["component"] = "apiserver", ["provider"] = "kubernetes" };

    private JsonObject Service() => new()
    {
        ["metadata"] = new JsonObject { ["labels"] = Labels() },
        ["spec"] = new JsonObject
        {
            ["clusterIP"] = options.Addresses[0].At(1).ToString(),
            ["ports"] = new JsonArray(new JsonObject { ["name"] = "https", ["port"] = 443, ["protocol"] = "TCP", ["targetPort"] = options.AdvertiseAddress.Port }),
        },
    };

    /// <summary>The name servers of pods, where kubeadm puts them. Without a selector: each node's agent adds its own endpoint.</summary>
    private JsonObject DnsService() => new()
    {
        ["metadata"] = new JsonObject
        {
            ["labels"] = new JsonObject { ["k8s-app"] = "kube-dns", ["kubernetes.io/cluster-service"] = "true", ["kubernetes.io/name"] = "Fairlead" },
        },
        ["spec"] = new JsonObject
        {
            ["clusterIP"] = options.Addresses[0].At(DnsAddress).ToString(),
            ["ports"] = new JsonArray(
                new JsonObject { ["name"] = "dns", ["port"] = 53, ["protocol"] = "UDP", ["targetPort"] = DnsPort },
                new JsonObject { ["name"] = "dns-tcp", ["port"] = 53, ["protocol"] = "TCP", ["targetPort"] = DnsPort }),
        },
    };

    private JsonObject Endpoints() => new()
    {
        ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["endpointslice.kubernetes.io/skip-mirror"] = "true" } },
        ["subsets"] = new JsonArray(new JsonObject
        {
            ["addresses"] = new JsonArray([.. Servers.Select(server => new JsonObject { ["ip"] = server.ToString() })]),
            ["ports"] = new JsonArray(new JsonObject { ["name"] = "https", ["port"] = options.AdvertiseAddress.Port, ["protocol"] = "TCP" }),
        }),
    };

    private JsonObject EndpointSlice() => new()
    {
        ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["kubernetes.io/service-name"] = "kubernetes" } },
        ["addressType"] = "IPv4",
        ["endpoints"] = new JsonArray([.. Servers.Select(server => new JsonObject
        {
            ["addresses"] = new JsonArray(server.ToString()),
            ["conditions"] = new JsonObject { ["ready"] = true },
        })]),
        ["ports"] = new JsonArray(new JsonObject { ["name"] = "https", ["port"] = options.AdvertiseAddress.Port, ["protocol"] = "TCP" }),
    };
}

internal static partial class DefaultObjectsLog
{
    [LoggerMessage(5090, LogLevel.Warning, "a default object could not be brought back: {Reason}")]
    public static partial void NotRestored(ILogger log, string reason);
}
