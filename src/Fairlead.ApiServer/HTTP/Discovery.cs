using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.HTTP;

/// <summary>
/// What this server serves, in the forms that clients ask: APIVersions, APIGroupList, APIResourceList, and the aggregated
/// documents (Kubernetes documentation: "The Kubernetes API", discovery).
/// </summary>
internal sealed class Discovery(KindTable kinds, string serverAddress)
{
    private static readonly string[] AllVerbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

    private IEnumerable<IGrouping<(string Group, string Version), Kind>> GroupVersions =>
        kinds.All.GroupBy(kind => (kind.Group, kind.Version));

    /// <summary>Answers a discovery path, or null if it is none.</summary>
    public Task? Handle(HttpContext context, string path)
    {
        var steps = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var aggregated = AggregatedVersion(context);
        return steps switch
        {
            ["api"] when aggregated is not null => Answer(context, Aggregated(aggregated, core: true), aggregated),
            ["apis"] when aggregated is not null => Answer(context, Aggregated(aggregated, core: false), aggregated),
            ["api"] => Answers.WriteAsync(context, 200, ApiVersions()),
            ["apis"] => Answers.WriteAsync(context, 200, GroupList()),
            ["api", "v1"] => Answers.WriteAsync(context, 200, ResourceList("", "v1")),
            ["apis", var group] when HasGroup(group) => Answers.WriteAsync(context, 200, Group(group, withKind: true)),
            ["apis", var group, var version] when kinds.All.Any(kind => kind.Group == group && kind.Version == version) =>
                Answers.WriteAsync(context, 200, ResourceList(group, version)),
            _ => null,
        };
    }

    private bool HasGroup(string group) => kinds.All.Any(kind => kind.Group == group);

    private static string? AggregatedVersion(HttpContext context)
    {
        var accept = context.Request.Headers.Accept.ToString();
        if (!accept.Contains("g=apidiscovery.k8s.io", StringComparison.Ordinal)) return null;
        return accept.Contains("v=v2;", StringComparison.Ordinal) || accept.Contains("v=v2,", StringComparison.Ordinal) || accept.EndsWith("v=v2", StringComparison.Ordinal)
            ? "v2"
            : "v2beta1";
    }

    /// <summary>What there is, for those who begin at the root.</summary>
    public JsonObject Paths()
    {
        var versions = GroupVersions.Where(of => of.Key.Group.Length > 0).Select(of => $"/apis/{of.Key.Group}/{of.Key.Version}");
        var groups = kinds.All.Where(kind => kind.Group.Length > 0).Select(kind => $"/apis/{kind.Group}").Distinct();
        string[] others = ["/.well-known/openid-configuration", "/api", "/api/v1", "/apis", "/healthz", "/livez", "/metrics", "/openapi/v2", "/openapi/v3", "/openid/v1/jwks", "/readyz", "/version"];
        return new JsonObject { ["paths"] = others.Concat(groups).Concat(versions).Order(StringComparer.Ordinal).ToJsonArray() };
    }

    /// <summary>Clients that keep the document ask whether it is still so (RFC 9110 section 13.1.2).</summary>
    private static Task Answer(HttpContext context, JsonObject body, string version)
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(body.ToJsonString());
        var tag = $"\"{Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(bytes))}\"";
        context.Response.Headers.ETag = tag;
        context.Response.Headers.Vary = "Accept";
        if (!context.Request.Headers.IfNoneMatch.Contains(tag))
            return Answers.WriteAsync(context, 200, bytes, $"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList");
        context.Response.StatusCode = 304;
        return Task.CompletedTask;
    }

    private JsonObject ApiVersions() => new()
    {
        ["kind"] = "APIVersions",
        ["versions"] = new JsonArray("v1"),
        ["serverAddressByClientCIDRs"] = new JsonArray(new JsonObject { ["clientCIDR"] = "0.0.0.0/0", ["serverAddress"] = serverAddress }),
    };

    private JsonObject GroupList() => new()
    {
        ["kind"] = "APIGroupList",
        ["apiVersion"] = "v1",
        ["groups"] = new JsonArray([.. kinds.All.Select(kind => kind.Group).Where(group => group.Length > 0).Distinct().Select(group => Group(group, withKind: false))]),
    };

    private JsonObject Group(string group, bool withKind)
    {
        var versions = kinds.All.Where(kind => kind.Group == group).Select(kind => kind.Version).Distinct()
            .Select(version => new JsonObject { ["groupVersion"] = $"{group}/{version}", ["version"] = version }).ToArray();
        var answer = withKind ? new JsonObject { ["kind"] = "APIGroup", ["apiVersion"] = "v1" } : [];
        answer["name"] = group;
        answer["versions"] = new JsonArray([.. versions.Select(version => version.DeepClone())]);
        answer["preferredVersion"] = versions[0];
        return answer;
    }

    private JsonObject ResourceList(string group, string version)
    {
        var resources = new JsonArray();
        foreach (var kind in kinds.All.Where(kind => kind.Group == group && kind.Version == version))
        {
            resources.Add((JsonNode)new JsonObject
            {
                ["name"] = kind.Plural,
                ["singularName"] = kind.Singular,
                ["namespaced"] = kind.Namespaced,
                ["kind"] = kind.Name,
                ["verbs"] = VerbsOf(kind).ToJsonArray(),
                ["shortNames"] = kind.ShortNames.ToJsonArray(),
                ["categories"] = kind.Categories.ToJsonArray(),
                ["storageVersionHash"] = "",
            });
            foreach (var sub in SubresourcesOf(kind))
            {
                var resource = new JsonObject
                {
                    ["name"] = $"{kind.Plural}/{sub.Name}",
                    ["singularName"] = "",
                    ["namespaced"] = kind.Namespaced,
                    ["kind"] = sub.Kind,
                    ["verbs"] = sub.Verbs.ToJsonArray(),
                };
                if (sub.Group.Length > 0 && sub.Group != kind.Group)
                {
                    resource["group"] = sub.Group;
                    resource["version"] = sub.Version;
                }
                resources.Add((JsonNode)resource);
            }
        }
        return new JsonObject
        {
            ["kind"] = "APIResourceList",
            ["apiVersion"] = "v1",
            ["groupVersion"] = group.Length == 0 ? version : $"{group}/{version}",
            ["resources"] = resources,
        };
    }

    private JsonObject Aggregated(string apiVersion, bool core)
    {
        var items = new JsonArray();
        foreach (var group in GroupVersions.Where(gv => gv.Key.Group.Length == 0 == core).GroupBy(gv => gv.Key.Group))
        {
            items.Add((JsonNode)new JsonObject
            {
                ["metadata"] = core ? new JsonObject() : new JsonObject { ["name"] = group.Key },
                ["versions"] = new JsonArray([.. group.Select(gv => new JsonObject
                {
                    ["version"] = gv.Key.Version,
                    ["resources"] = new JsonArray([.. gv.Select(AggregatedResource)]),
                    ["freshness"] = "Current",
                })]),
            });
        }
        return new JsonObject
        {
            ["kind"] = "APIGroupDiscoveryList",
            ["apiVersion"] = $"apidiscovery.k8s.io/{apiVersion}",
            ["metadata"] = new JsonObject(),
            ["items"] = items,
        };
    }

    private static JsonObject AggregatedResource(Kind kind) => new()
    {
        ["resource"] = kind.Plural,
        ["responseKind"] = ResponseKind(kind.Group, kind.Version, kind.Name),
        ["scope"] = kind.Namespaced ? "Namespaced" : "Cluster",
        ["singularResource"] = kind.Singular,
        ["verbs"] = VerbsOf(kind).ToJsonArray(),
        ["shortNames"] = kind.ShortNames.ToJsonArray(),
        ["categories"] = kind.Categories.ToJsonArray(),
        ["subresources"] = new JsonArray([.. SubresourcesOf(kind).Select(sub => new JsonObject
        {
            ["subresource"] = sub.Name,
            ["responseKind"] = ResponseKind(sub.Group, sub.Version, sub.Kind),
            ["verbs"] = sub.Verbs.ToJsonArray(),
        })]),
    };

    private static JsonObject ResponseKind(string group, string version, string kind) =>
        new() { ["group"] = group, ["version"] = version, ["kind"] = kind };

    private static IReadOnlyList<string> VerbsOf(Kind kind) => kind.Verbs ?? AllVerbs;

    private static IEnumerable<Subresource> SubresourcesOf(Kind kind)
    {
        foreach (var sub in kind.Subresources) yield return sub;
        if (kind.HasScale) yield return new Subresource("scale", "autoscaling", "v1", "Scale", "get", "patch", "update");
        if (kind.HasStatus) yield return new Subresource("status", kind.Group, kind.Version, kind.Name, "get", "patch", "update");
    }

}
