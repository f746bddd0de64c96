using System.Text.Json.Nodes;
using Fairlead.ApiServer.Resources;

namespace Fairlead.ApiServer;

/// <summary>What every cluster has from its first moment: the system namespaces, the Service of the API server itself, and that of the DNS.</summary>
internal sealed class DefaultObjects(Registry registry, ApiServerOptions options)
{
    private const int DnsAddress = 10;
    private const int DnsPort = 10053;
    private static readonly string[] Namespaces = ["default", "kube-system", "kube-public", "kube-node-lease"];

    public async Task EnsureAsync(CancellationToken cancel)
    {
        foreach (var name in Namespaces) await EnsureAsync("", "namespaces", "", name, [], cancel);
        await EnsureAsync("", "services", "default", "kubernetes", Service(), cancel);
        await EnsureAsync("", "services", "kube-system", "kube-dns", DnsService(), cancel);
        await EnsureAsync("", "endpoints", "default", "kubernetes", Endpoints(), cancel);
        await EnsureAsync("discovery.k8s.io", "endpointslices", "default", "kubernetes", EndpointSlice(), cancel);
    }

    private async Task EnsureAsync(string group, string plural, string ns, string name, JsonObject wanted, CancellationToken cancel)
    {
        var kind = registry.Kinds.Find(group, "v1", plural)!;
        if (wanted["metadata"] is not JsonObject metadata) wanted["metadata"] = metadata = [];
        metadata["name"] = name;
        if (registry.Cache.Find(kind, kind.Key(ns, name)) is null) await registry.CreateAsync(kind, ns, wanted, false, cancel);
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
            }, null, false, cancel);
        }
    }

    private static JsonObject Labels() => new() { ["component"] = "apiserver", ["provider"] = "kubernetes" };

    private JsonObject Service() => new()
    {
        ["metadata"] = new JsonObject { ["labels"] = Labels() },
        ["spec"] = new JsonObject
        {
            ["clusterIP"] = options.Addresses.At(1).ToString(),
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
            ["clusterIP"] = options.Addresses.At(DnsAddress).ToString(),
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
            ["addresses"] = new JsonArray(new JsonObject { ["ip"] = options.AdvertiseAddress.Address.ToString() }),
            ["ports"] = new JsonArray(new JsonObject { ["name"] = "https", ["port"] = options.AdvertiseAddress.Port, ["protocol"] = "TCP" }),
        }),
    };

    private JsonObject EndpointSlice() => new()
    {
        ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["kubernetes.io/service-name"] = "kubernetes" } },
        ["addressType"] = "IPv4",
        ["endpoints"] = new JsonArray(new JsonObject
        {
            ["addresses"] = new JsonArray(options.AdvertiseAddress.Address.ToString()),
            ["conditions"] = new JsonObject { ["ready"] = true },
        }),
        ["ports"] = new JsonArray(new JsonObject { ["name"] = "https", ["port"] = options.AdvertiseAddress.Port, ["protocol"] = "TCP" }),
    };
}
