using System.Text.Json.Nodes;
using Fairlead.ApiServer.Allocation;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Resources.Strategies;

/// <summary>
/// Which address families a Service has, and its cluster addresses of them (Kubernetes documentation: "IPv4/IPv6 dual-stack").
/// </summary>
/// <param name="configured">Families that the server has ranges of, the default first.</param>
internal sealed class ServiceFamilies(IReadOnlyList<string> configured)
{
    private const string Single = "SingleStack";
    private const string Prefer = "PreferDualStack";
    private const string Require = "RequireDualStack";

    /// <summary>Fills in what the client left to the server.</summary>
    /// <param name="before">The spec of before; null for a new Service and for one that was no more than a name elsewhere.</param>
    public void Choose(JsonObject spec, JsonObject? before)
    {
        if (before is not null && KeepsPreferred(spec, before))
        {
            spec["ipFamilyPolicy"] = Prefer;
            spec["ipFamilies"] = before["ipFamilies"]?.DeepClone();
            return;
        }
        if (before is not null && before.Text("ipFamilyPolicy") != Single && spec.Text("ipFamilyPolicy") == Single) GiveUpSecond(spec, before);
        if (before is not null && spec.IsMissing("ipFamilyPolicy")) spec["ipFamilyPolicy"] = before.Text("ipFamilyPolicy");
        var isFree = IsFree(spec);
        spec.SetDefault("ipFamilyPolicy", isFree ? Require : Single);
        var families = spec.Texts("ipFamilies").ToList();
        foreach (var address in spec.Texts("clusterIPs").Skip(families.Count))
        {
            if (IpFamily.Of(address) is { } family) families.Add(family);
        }
        if (families.Count == 0) families.Add(configured[0]);
        if (families.Count == 1 && spec.Text("ipFamilyPolicy") != Single && (isFree || configured.Count == 2)) families.Add(IpFamily.OtherThan(families[0]));
        spec["ipFamilies"] = families.ToJsonArray();
    }

    public void Validate(JsonObject spec, FieldErrors errors)
    {
        var policy = spec.Text("ipFamilyPolicy")!;
        var families = spec.Texts("ipFamilies").ToList();
        var addresses = spec.Texts("clusterIPs").ToList();
        if (policy is not (Single or Prefer or Require)) errors.NotSupported("spec.ipFamilyPolicy", policy, Prefer, Require, Single);
        if (policy == Single && addresses.Count == 2) errors.Invalid("spec.ipFamilyPolicy", policy, "must be RequireDualStack or PreferDualStack when multiple clusterIPs are specified");
        if (policy == Single && families.Count == 2) errors.Invalid("spec.ipFamilyPolicy", policy, "must be RequireDualStack or PreferDualStack when multiple ipFamilies are specified");
        ValidateFamilies(families, errors);
        ValidateAddresses(spec, families, addresses, errors);
        if (IsFree(spec)) return;
        if (policy == Require && configured.Count < 2) errors.Invalid("spec.ipFamilyPolicy", policy, "this cluster is not configured for dual-stack services");
        for (var i = 0; i < families.Count; i++)
        {
            if (configured.Contains(families[i])) continue;
            if (i < addresses.Count) errors.Invalid($"spec.clusterIPs[{i}]", addresses.ToJsonArray(), $"{families[i]} is not configured on this cluster");
            else errors.Invalid($"spec.ipFamilies[{i}]", families[i], "not configured on this cluster");
        }
    }

    /// <summary>The first stays as long as the Service has an address; the second may be given up, and a second come.</summary>
    public static void ValidateUpdate(JsonObject spec, JsonObject before, FieldErrors errors)
    {
        ValidateKept("clusterIPs", "clusterIP", spec, before, errors);
        ValidateKept("ipFamilies", "ipFamily", spec, before, errors);
    }

    private static void ValidateKept(string field, string one, JsonObject spec, JsonObject before, FieldErrors errors)
    {
        var held = before.Texts(field).ToList();
        var asked = spec.Texts(field).ToList();
        for (var i = 0; i < held.Count && i < Math.Max(asked.Count, 1); i++)
        {
            if (asked.ElementAtOrDefault(i) != held[i]) errors.Invalid($"spec.{field}[{i}]", asked.ToJsonArray(), "may not change once set");
        }
        if (held.Count == 2 && asked.Count == 1 && spec.Text("ipFamilyPolicy") != Single)
            errors.Invalid("spec.ipFamilyPolicy", spec.Text("ipFamilyPolicy"), $"must be set to 'SingleStack' when releasing the secondary {one}");
    }

    private static void ValidateFamilies(List<string> families, FieldErrors errors)
    {
        if (families.Count > 2) errors.Invalid("spec.ipFamilies", families.ToJsonArray(), "may only hold up to 2 values");
        for (var i = 0; i < families.Count; i++)
        {
            if (families[i] is not (IpFamily.IPv4 or IpFamily.IPv6)) errors.NotSupported($"spec.ipFamilies[{i}]", families[i], IpFamily.IPv4, IpFamily.IPv6);
            else if (families.IndexOf(families[i]) < i) errors.Duplicate($"spec.ipFamilies[{i}]", families[i]);
        }
    }

    private static void ValidateAddresses(JsonObject spec, List<string> families, List<string> addresses, FieldErrors errors)
    {
        if (spec.Text("clusterIP") is not { Length: > 0 } first) return;
        if (addresses.FirstOrDefault() != first) errors.Invalid("spec.clusterIPs", addresses.ToJsonArray(), "first value must match `clusterIP`");
        if (addresses.Count > 2) errors.Invalid("spec.clusterIPs", addresses.ToJsonArray(), "may only hold up to 2 values");
        if (first == "None")
        {
            if (addresses.Count > 1) errors.Invalid("spec.clusterIPs", addresses.ToJsonArray(), "'None' must be the first and only value");
            return;
        }
        if (addresses.Count == 2 && IpFamily.Of(addresses[0]) == IpFamily.Of(addresses[1]))
            errors.Invalid("spec.clusterIPs", addresses.ToJsonArray(), "may specify no more than one IP for each IP family");
        for (var i = 0; i < addresses.Count; i++)
        {
            if (!AddressRules.TryParse(addresses[i], out _)) errors.Invalid($"spec.clusterIPs[{i}]", addresses[i], AddressRules.Malformed);
            else if (i < families.Count && IpFamily.Of(addresses[i]) != families[i])
                errors.Invalid($"spec.clusterIPs[{i}]", addresses[i], $"expected an {families[i]} value as indicated by `ipFamilies[{i}]`");
        }
    }

    /// <summary>Headless and without a selector: its endpoints are somebody else's, of whatever family.</summary>
    private static bool IsFree(JsonObject spec) => spec.Text("clusterIP") == "None" && spec.Object("selector") is not { Count: > 0 };

    /// <summary>What prefers two families and says nothing new keeps what it has, also where the cluster has become able to give it more.</summary>
    private static bool KeepsPreferred(JsonObject spec, JsonObject before) =>
        before.Text("ipFamilyPolicy") == Prefer && spec.Text("ipFamilyPolicy") is Prefer or null
        && Same(spec, before, "clusterIPs") && (spec.IsMissing("ipFamilies") || Same(spec, before, "ipFamilies"));

    private static void GiveUpSecond(JsonObject spec, JsonObject before)
    {
        foreach (var field in (ReadOnlySpan<string>)["clusterIPs", "ipFamilies"])
        {
            if (Same(spec, before, field)) spec[field] = spec.Texts(field).Take(1).ToJsonArray();
        }
    }

    private static bool Same(JsonObject spec, JsonObject before, string field) => JsonNode.DeepEquals(spec[field], before[field]);
}
