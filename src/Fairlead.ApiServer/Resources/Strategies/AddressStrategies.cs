using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Allocation;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Resources.Strategies;

/// <summary>A range that cluster IPs may come from besides the server's own.</summary>
internal sealed class ServiceCidrStrategy : KindStrategy
{
    public override void Validate(JsonObject obj, FieldErrors errors)
    {
        var cidrs = obj.Texts("spec", "cidrs").ToList();
        if (cidrs.Count == 0) errors.Required("spec.cidrs", "at least one CIDR required");
        if (cidrs.Count > 2) errors.Invalid("spec.cidrs", cidrs.ToJsonArray(), "may only hold up to 2 values");
        var families = new HashSet<AddressFamily>();
        foreach (var (text, i) in cidrs.Select((text, i) => (text, i)))
        {
            if (!IPNetwork.TryParse(text, out var network)) errors.Invalid($"spec.cidrs[{i}]", text, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
            else if (network.ToString() != text) errors.Invalid($"spec.cidrs[{i}]", text, $"must be in canonical form (\"{network}\")");
            else if (!families.Add(network.BaseAddress.AddressFamily))
                errors.Invalid($"spec.cidrs[{i}]", text, "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/96");
        }
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, FieldErrors errors)
    {
        if (!JsonNode.DeepEquals(obj.At("spec", "cidrs"), old.At("spec", "cidrs"))) errors.Invalid("spec.cidrs", obj.At("spec", "cidrs")?.DeepClone(), "field is immutable");
    }
}

/// <summary>An address, named by itself, and what it is for.</summary>
internal sealed class IpAddressStrategy : KindStrategy
{
    public const string ManagedBy = "ipaddress.kubernetes.io/managed-by";
    public const string Allocator = "ipallocator.k8s.io";

    /// <summary>Whether it shows what a Service holds; others are their makers' own.</summary>
    public static bool IsOurs(IReadOnlyDictionary<string, string> labels) => labels.GetValueOrDefault(ManagedBy) == Allocator;

    /// <summary>What a Service holds is claimed by that Service.</summary>
    public override IEnumerable<string> Claims(JsonObject obj) =>
        obj.Text("metadata", "labels", ManagedBy) == Allocator || obj.Text("metadata", "name") is not { } address ? [] : [ServiceAllocator.ClaimOf(address)];

    public override string? CheckName(string name)
    {
        if (!AddressRules.TryParse(name, out var address)) return AddressRules.Malformed;
        return address.ToString() == name ? null : $"must be in canonical form (\"{address}\")";
    }

    public override void Validate(JsonObject obj, FieldErrors errors)
    {
        if (obj.Object("spec", "parentRef") is not { } parent)
        {
            errors.Required("spec.parentRef");
            return;
        }
        foreach (var field in (ReadOnlySpan<string>)["resource", "name"])
        {
            if (parent.Text(field) is not { Length: > 0 }) errors.Required($"spec.parentRef.{field}");
        }
        if (parent.Text("group") is { Length: > 0 } group && NameRules.Subdomain(group) is { } wrong) errors.Invalid("spec.parentRef.group", group, wrong);
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, FieldErrors errors)
    {
        if (!JsonNode.DeepEquals(obj.At("spec", "parentRef"), old.At("spec", "parentRef"))) errors.Invalid("spec.parentRef", obj.At("spec", "parentRef")?.DeepClone(), "field is immutable");
    }
}
