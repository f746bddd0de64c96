using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources.Schema;

namespace Fairlead.ApiServer.Resources.Admission;

/// <summary>What an object takes of a quota (Kubernetes documentation: "Resource Quotas").</summary>
internal static class QuotaUsage
{
    private const string Storage = "requests.storage";
    private const string OfClass = ".storageclass.storage.k8s.io/";
    private static readonly string[] Counted = ["pods", "services", "configmaps", "secrets", "replicationcontrollers", "resourcequotas", "persistentvolumeclaims"];

    /// <summary>Whether a quota's resource can be of this kind at all.</summary>
    public static bool Concerns(Kind kind, string resource) =>
        resource == CountName(kind) || (kind.Group.Length == 0 && (resource == kind.Plural && Counted.Contains(resource) || (kind.Plural == "services" && resource.StartsWith("services.", StringComparison.Ordinal))
            || (kind.Plural == "pods" && IsCompute(resource)) || (kind.Plural == "persistentvolumeclaims" && IsStorage(resource))));

    /// <summary>The amount of one resource that the object takes; 0 where it takes none.</summary>
    public static decimal Of(Kind kind, JsonObject obj, string resource)
    {
        if (resource == CountName(kind)) return IsFinished(kind, obj) ? 0 : 1;
        if (kind.Group.Length > 0) return 0;
        if (resource == kind.Plural && Counted.Contains(resource)) return IsFinished(kind, obj) ? 0 : 1;
        return kind.Plural switch
        {
            "services" => OfService(obj, resource),
            "pods" when !IsFinished(kind, obj) => OfPod(obj, resource),
            "persistentvolumeclaims" => OfClaim(obj, resource),
            _ => 0,
        };
    }

    /// <summary>Whether a quota with scopes counts this pod; a quota without counts everything.</summary>
    public static bool IsInScope(JsonObject quota, Kind kind, JsonObject obj)
    {
        var scopes = quota.Texts("spec", "scopes").Select(scope => (Scope: scope, Operator: "Exists", Values: Array.Empty<string>()))
            .Concat(quota.Items("spec", "scopeSelector", "matchExpressions").Select(pair => (Scope: pair.Item.Text("scopeName") ?? "", Operator: pair.Item.Text("operator") ?? "", Values: pair.Item.Texts("values").ToArray())))
            .ToList();
        return scopes.Count == 0 || (kind.Plural == "pods" && scopes.All(scope => Matches(scope.Scope, scope.Operator, scope.Values, obj)));
    }

    private static bool Matches(string scope, string @operator, string[] values, JsonObject pod) => scope switch
    {
        "Terminating" => pod.Number("spec", "activeDeadlineSeconds") is not null,
        "NotTerminating" => pod.Number("spec", "activeDeadlineSeconds") is null,
        "BestEffort" => Strategies.PodQos.ClassOf(pod) == "BestEffort",
        "NotBestEffort" => Strategies.PodQos.ClassOf(pod) != "BestEffort",
        "PriorityClass" => (@operator, pod.Text("spec", "priorityClassName") ?? "") switch
        {
            ("In", var name) => values.Contains(name),
            ("NotIn", var name) => !values.Contains(name),
            ("DoesNotExist", var name) => name.Length == 0,
            (_, var name) => name.Length > 0,
        },
        _ => false,
    };

    private static string CountName(Kind kind) => kind.Group.Length == 0 ? $"count/{kind.Plural}" : $"count/{kind.Plural}.{kind.Group}";

    private static bool IsFinished(Kind kind, JsonObject obj) => kind is { Plural: "pods", Group: "" } && obj.Text("status", "phase") is "Succeeded" or "Failed";

    private static bool IsCompute(string resource) => resource is "cpu" or "memory" or "ephemeral-storage" || resource.StartsWith("hugepages-", StringComparison.Ordinal)
        || (resource.StartsWith("requests.", StringComparison.Ordinal) && resource != Storage) || resource.StartsWith("limits.", StringComparison.Ordinal);

    private static bool IsStorage(string resource) => resource == Storage || resource.Contains(OfClass, StringComparison.Ordinal);

    /// <summary><c>gold.storageclass.storage.k8s.io/requests.storage</c> counts the claims of that class alone.</summary>
    private static decimal OfClaim(JsonObject claim, string resource)
    {
        if (resource.IndexOf(OfClass, StringComparison.Ordinal) is var at and > 0)
        {
            if (claim.Text("spec", "storageClassName") != resource[..at]) return 0;
            resource = resource[(at + OfClass.Length)..];
        }
        return resource switch
        {
            "persistentvolumeclaims" => 1,
            Storage => Quantity.Value(claim.Text("spec", "resources", "requests", "storage") ?? ""),
            _ => 0,
        };
    }

    private static decimal OfService(JsonObject service, string resource) => (resource, service.Text("spec", "type")) switch
    {
        ("services.loadbalancers", "LoadBalancer") => 1,
        ("services.nodeports", "NodePort") => service.Array("spec", "ports")?.Count ?? 0,
        ("services.nodeports", "LoadBalancer") when service.Flag("spec", "allocateLoadBalancerNodePorts") != false => service.Array("spec", "ports")?.Count ?? 0,
        _ => 0,
    };

    /// <summary>The larger of all containers together and of any init container, with what the runtime itself takes.</summary>
    private static decimal OfPod(JsonObject pod, string resource)
    {
        var (field, name) = resource switch
        {
            _ when resource.StartsWith("limits.", StringComparison.Ordinal) => ("limits", resource["limits.".Length..]),
            _ when resource.StartsWith("requests.", StringComparison.Ordinal) => ("requests", resource["requests.".Length..]),
            _ => ("requests", resource),
        };
        var together = pod.Items("spec", "containers").Sum(pair => Quantity.Value(pair.Item.Text("resources", field, name) ?? ""));
        var initial = pod.Items("spec", "initContainers").Select(pair => Quantity.Value(pair.Item.Text("resources", field, name) ?? "")).DefaultIfEmpty(0).Max();
        return Math.Max(together, initial) + (field == "requests" ? Quantity.Value(pod.Text("spec", "overhead", name) ?? "") : 0);
    }
}
