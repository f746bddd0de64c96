using System.Net;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Allocation;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Resources.Strategies;

/// <summary>What a Service may say, in Kubernetes' words.</summary>
internal static class ServiceRules
{
    private const int LongestAffinity = 86400;

    public static void Validate(JsonObject obj, ServiceAllocator allocator, FieldErrors errors)
    {
        var spec = obj.Child("spec");
        var type = spec.Text("type")!;
        if (type is not ("ClusterIP" or "NodePort" or "LoadBalancer" or "ExternalName"))
            errors.NotSupported("spec.type", type, "ClusterIP", "ExternalName", "LoadBalancer", "NodePort");
        LabelRules.Check(spec.Object("selector"), "spec.selector", errors);
        var headless = spec.Text("clusterIP") == "None";
        if (type == "ExternalName") ValidateExternalName(spec, errors);
        else if (spec.Array("ports") is not { Count: > 0 } && !headless) errors.Required("spec.ports");
        if (type is "NodePort" or "LoadBalancer" && headless) errors.Invalid("spec.clusterIPs[0]", "None", $"may not be set to 'None' for {type} services");
        ValidatePorts(spec, type, allocator, errors);
        ValidateAddress(spec, allocator, errors);
        ValidateAffinity(spec, errors);
        ValidatePolicies(spec, type, errors);
    }

    public static void ValidateUpdate(JsonObject obj, JsonObject old, FieldErrors errors)
    {
        var spec = obj.Child("spec");
        var before = old.Child("spec");
        if (spec.Text("type") == "ExternalName" || before.Text("type") == "ExternalName") return;
        if (before.Text("clusterIP") is { Length: > 0 } held && spec.Text("clusterIP") != held)
        {
            errors.Invalid("spec.clusterIPs[0]", new JsonArray(spec.Text("clusterIP") ?? ""), "may not change once set");
        }
    }

    private static void ValidateExternalName(JsonObject spec, FieldErrors errors)
    {
        if (spec.Text("clusterIP") is { Length: > 0 }) errors.Forbidden("spec.clusterIPs", "may not be set for ExternalName services");
        var name = (spec.Text("externalName") ?? "").TrimEnd('.');
        if (name.Length == 0) errors.Required("spec.externalName");
        else if (NameRules.Subdomain(name) is { } wrong) errors.Invalid("spec.externalName", name, wrong);
    }

    private static void ValidatePorts(JsonObject spec, string type, ServiceAllocator allocator, FieldErrors errors)
    {
        var names = new HashSet<string>();
        var numbers = new HashSet<(string?, long)>();
        var nodePorts = new HashSet<(string?, long)>();
        var several = spec.Array("ports")?.Count > 1;
        foreach (var (i, port) in spec.Items("ports"))
        {
            var field = $"spec.ports[{i}]";
            CheckName(port, $"{field}.name", several, names, errors);
            var number = port.Number("port") ?? 0;
            if (!PortRules.IsPort(number)) errors.Invalid($"{field}.port", number, PortRules.Range);
            PortRules.CheckProtocol(port, $"{field}.protocol", errors);
            if (port.Number("targetPort") is { } target && !PortRules.IsPort(target)) errors.Invalid($"{field}.targetPort", target, PortRules.Range);
            if (port.Text("targetPort") is { } named && NameRules.PortName(named) is { } wrong) errors.Invalid($"{field}.targetPort", named, wrong);
            if (!numbers.Add((port.Text("protocol"), number)))
                errors.Duplicate(field, new JsonObject { ["port"] = number, ["protocol"] = port.Text("protocol") });
            if (port.Number("nodePort") is not { } node || node == 0) continue;
            if (type is not ("NodePort" or "LoadBalancer")) errors.Forbidden($"{field}.nodePort", $"may not be used when `type` is '{type}'");
            else if (!allocator.IsNodePort(node)) errors.Invalid($"{field}.nodePort", node, $"provided port is not in the valid range. The range of valid ports is {allocator.NodePorts}");
            if (!nodePorts.Add((port.Text("protocol"), node))) errors.Duplicate($"{field}.nodePort", node);
        }
    }

    private static void CheckName(JsonObject port, string field, bool required, HashSet<string> names, FieldErrors errors)
    {
        if (port.Text("name") is not { Length: > 0 } name)
        {
            if (required) errors.Required(field);
        }
        else if (NameRules.Label(name) is { } wrong) errors.Invalid(field, name, wrong);
        else if (!names.Add(name)) errors.Duplicate(field, name);
    }

    private static void ValidateAddress(JsonObject spec, ServiceAllocator allocator, FieldErrors errors)
    {
        if (spec.Text("clusterIP") is not { Length: > 0 } address || address == "None") return;
        if (!AddressRules.TryParse(address, out var parsed)) errors.Invalid("spec.clusterIPs[0]", address, AddressRules.Malformed);
        else if (!allocator.Addresses.Contains(parsed))
            errors.Invalid("spec.clusterIPs", new JsonArray(address), $"failed to allocate IP {address}: the provided IP ({address}) is not in the valid range. The range of valid IPs is {allocator.Addresses}");
        if (spec.Texts("clusterIPs").FirstOrDefault() != address) errors.Invalid("spec.clusterIPs", spec["clusterIPs"]?.DeepClone(), "first value must match `clusterIP`");
        var external = 0;
        foreach (var text in spec.Texts("externalIPs")) AddressRules.CheckEndpoint(text, $"spec.externalIPs[{external++}]", errors);
    }

    private static void ValidateAffinity(JsonObject spec, FieldErrors errors)
    {
        var affinity = spec.Text("sessionAffinity")!;
        if (affinity is not ("None" or "ClientIP")) errors.NotSupported("spec.sessionAffinity", affinity, "ClientIP", "None");
        if (spec.Number("sessionAffinityConfig", "clientIP", "timeoutSeconds") is { } seconds and (< 1 or > LongestAffinity))
            errors.Invalid("spec.sessionAffinityConfig.clientIP.timeoutSeconds", seconds, $"must be greater than 0 and less than {LongestAffinity}");
    }

    private static void ValidatePolicies(JsonObject spec, string type, FieldErrors errors)
    {
        if (spec.Text("externalTrafficPolicy") is { } external)
        {
            if (type is not ("NodePort" or "LoadBalancer") && spec.Array("externalIPs") is not { Count: > 0 })
                errors.Invalid("spec.externalTrafficPolicy", external, "may only be set for externally-accessible services");
            else if (external is not ("Cluster" or "Local")) errors.NotSupported("spec.externalTrafficPolicy", external, "Cluster", "Local");
        }
        if (spec.Text("internalTrafficPolicy") is { } inside and not ("Cluster" or "Local"))
            errors.NotSupported("spec.internalTrafficPolicy", inside, "Cluster", "Local");
        foreach (var (range, i) in spec.Texts("loadBalancerSourceRanges").Select((range, i) => (range.Trim(), i)))
        {
            if (!IPNetwork.TryParse(range, out _)) errors.Invalid($"spec.loadBalancerSourceRanges[{i}]", range, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
        }
    }
}
