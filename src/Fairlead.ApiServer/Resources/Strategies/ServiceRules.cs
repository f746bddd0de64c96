using System.Net;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Allocation;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Resources.Strategies;

/// <summary>What a Service may say, in Kubernetes' words.</summary>
internal static class ServiceRules
{
    private const int LongestAffinity = 86400;

    public static void Validate(JsonObject obj, ServiceAllocator allocator, ServiceFamilies families, FieldErrors errors)
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
        if (type != "ExternalName") families.Validate(spec, errors);
        foreach (var (text, i) in spec.Texts("externalIPs").Select((text, i) => (text, i))) AddressRules.CheckEndpoint(text, $"spec.externalIPs[{i}]", errors);
        ValidateAffinity(spec, errors);
        ValidatePolicies(spec, type, errors);
    }

    public static void ValidateUpdate(JsonObject obj, JsonObject old, FieldErrors errors)
    {
        var spec = obj.Child("spec");
        var before = old.Child("spec");
        if (spec.Text("type") == "ExternalName" || before.Text("type") == "ExternalName") return;
        ServiceFamilies.ValidateUpdate(spec, before, errors);
    }

    public static void ValidateStatus(JsonObject obj, JsonObject old, FieldErrors errors)
    {
        const string Field = "status.loadBalancer.ingress";
        if (obj.Text("spec", "type") != "LoadBalancer" && obj.Array("status", "loadBalancer", "ingress") is { Count: > 0 } && !JsonNode.DeepEquals(obj.At("status", "loadBalancer"), old.At("status", "loadBalancer")))
            errors.Forbidden(Field, "may only be used when `spec.type` is \"LoadBalancer\"");
        foreach (var (i, ingress) in obj.Items("status", "loadBalancer", "ingress"))
        {
            var (ip, host, mode) = (ingress.Text("ip") ?? "", ingress.Text("hostname") ?? "", ingress.Text("ipMode"));
            if (ip.Length > 0 && !AddressRules.TryParse(ip, out _)) errors.Invalid($"{Field}[{i}].ip", ip, AddressRules.Malformed);
            if (ip.Length == 0 && mode is not null) errors.Forbidden($"{Field}[{i}].ipMode", "may not be specified when `ip` is not set");
            if (ip.Length > 0 && mode is not ("VIP" or "Proxy")) errors.NotSupported($"{Field}[{i}].ipMode", mode ?? "", "Proxy", "VIP");
            if (host.Length > 0 && AddressRules.TryParse(host, out _)) errors.Invalid($"{Field}[{i}].hostname", host, "must be a DNS name, not an IP address");
            else if (host.Length > 0 && NameRules.Subdomain(host) is { } wrong) errors.Invalid($"{Field}[{i}].hostname", host, wrong);
        }
    }

    private static void ValidateExternalName(JsonObject spec, FieldErrors errors)
    {
        foreach (var (field, isSet) in ((string, bool)[])[("clusterIPs", spec.Text("clusterIP") is { Length: > 0 }), ("ipFamilies", !spec.IsMissing("ipFamilies")), ("ipFamilyPolicy", !spec.IsMissing("ipFamilyPolicy"))])
        {
            if (isSet) errors.Forbidden($"spec.{field}", "may not be set for ExternalName services");
        }
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
            if (port.Text("appProtocol") is { Length: > 0 } application && NameRules.QualifiedName(application) is { } wrongName) errors.Invalid($"{field}.appProtocol", application, wrongName);
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
        if (spec.Text("trafficDistribution") is { Length: > 0 } distribution and not ("PreferClose" or "PreferSameNode" or "PreferSameZone"))
            errors.NotSupported("spec.trafficDistribution", distribution, "PreferClose", "PreferSameNode", "PreferSameZone");
        if (type != "LoadBalancer") ForbidOfLoadBalancers(spec, errors);
        if (spec.Number("healthCheckNodePort") is { } health and > 0 && (type != "LoadBalancer" || spec.Text("externalTrafficPolicy") != "Local"))
            errors.Invalid("spec.healthCheckNodePort", health, "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'");
        foreach (var (range, i) in spec.Texts("loadBalancerSourceRanges").Select((range, i) => (range.Trim(), i)))
        {
            if (!IPNetwork.TryParse(range, out _)) errors.Invalid($"spec.loadBalancerSourceRanges[{i}]", range, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
        }
    }

    private static void ForbidOfLoadBalancers(JsonObject spec, FieldErrors errors)
    {
        if (spec.Array("loadBalancerSourceRanges") is { Count: > 0 }) errors.Forbidden("spec.LoadBalancerSourceRanges", "may only be used when `type` is 'LoadBalancer'");
        foreach (var field in (ReadOnlySpan<string>)["loadBalancerClass", "allocateLoadBalancerNodePorts"])
        {
            if (!spec.IsMissing(field)) errors.Forbidden($"spec.{field}", "may only be used when `spec.type` is 'LoadBalancer'");
        }
    }
}
