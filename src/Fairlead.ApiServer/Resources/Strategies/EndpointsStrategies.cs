using System.Net;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Allocation;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Resources.Strategies;

internal sealed class EndpointsStrategy : KindStrategy
{
    public override void Default(JsonObject obj)
    {
        foreach (var (_, subset) in obj.Items("subsets"))
        {
            foreach (var (_, port) in subset.Items("ports")) port.SetDefault("protocol", "TCP");
        }
    }

    public override void Validate(JsonObject obj, FieldErrors errors)
    {
        foreach (var (i, subset) in obj.Items("subsets"))
        {
            var field = $"subsets[{i}]";
            if (subset.Array("addresses") is not { Count: > 0 } && subset.Array("notReadyAddresses") is not { Count: > 0 })
                errors.Required(field, "must specify `addresses` or `notReadyAddresses`");
            CheckAddresses(subset, $"{field}.addresses", "addresses", errors);
            CheckAddresses(subset, $"{field}.notReadyAddresses", "notReadyAddresses", errors);
            var several = subset.Array("ports")?.Count > 1;
            foreach (var (j, port) in subset.Items("ports")) PortRules.CheckEndpointPort(port, $"{field}.ports[{j}]", several, errors);
        }
    }

    private static void CheckAddresses(JsonObject subset, string field, string name, FieldErrors errors)
    {
        foreach (var (j, address) in subset.Items(name)) AddressRules.CheckEndpoint(address.Text("ip") ?? "", $"{field}[{j}].ip", errors);
    }
}

internal sealed class EndpointSliceStrategy : KindStrategy
{
    private const int MostEndpoints = 1000;
    private const int MostPorts = 20_000;

    public override void Default(JsonObject obj)
    {
        foreach (var (_, port) in obj.Items("ports"))
        {
            port.SetDefault("name", "");
            port.SetDefault("protocol", "TCP");
        }
        if (obj.IsMissing("endpoints")) obj["endpoints"] = new JsonArray();
    }

    public override void PrepareForCreate(JsonObject obj)
    {
    }

    public override void PrepareForUpdate(JsonObject obj, JsonObject old)
    {
    }

    public override void Validate(JsonObject obj, FieldErrors errors)
    {
        var family = obj.Text("addressType") ?? "";
        if (family is not ("IPv4" or "IPv6" or "FQDN"))
        {
            if (family.Length == 0) errors.Required("addressType");
            else errors.NotSupported("addressType", family, "FQDN", "IPv4", "IPv6");
        }
        if (obj.Array("endpoints")?.Count > MostEndpoints) errors.Invalid("endpoints", obj.Array("endpoints")!.Count, $"must have at most {MostEndpoints} items");
        if (obj.Array("ports")?.Count > MostPorts) errors.Invalid("ports", obj.Array("ports")!.Count, $"must have at most {MostPorts} items");
        foreach (var (i, endpoint) in obj.Items("endpoints"))
        {
            var addresses = endpoint.Texts("addresses").ToList();
            if (addresses.Count == 0) errors.Required($"endpoints[{i}].addresses", "must contain at least 1 address");
            for (var j = 0; j < addresses.Count && family is "IPv4" or "IPv6"; j++)
                AddressRules.CheckFamily(addresses[j], family, $"endpoints[{i}].addresses[{j}]", errors);
        }
        var names = new HashSet<string>();
        foreach (var (i, port) in obj.Items("ports"))
        {
            var name = port.Text("name") ?? "";
            if (!names.Add(name)) errors.Duplicate($"ports[{i}].name", name);
            PortRules.CheckProtocol(port, $"ports[{i}].protocol", errors);
        }
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, FieldErrors errors)
    {
        if (obj.Text("addressType") != old.Text("addressType"))
            errors.Invalid("addressType", obj["addressType"]?.DeepClone(), "field is immutable");
    }
}

internal static class AddressRules
{
    public const string Malformed = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";

    /// <summary>Kubernetes refuses addresses of the machine itself and of the link as endpoints, since they would be a way into the node.</summary>
    public static void CheckEndpoint(string text, string field, FieldErrors errors)
    {
        if (!TryParse(text, out var address)) errors.Invalid(field, text, Malformed);
        else if (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any)) errors.Invalid(field, text, "may not be unspecified (0.0.0.0 or ::)");
        else if (IPAddress.IsLoopback(address)) errors.Invalid(field, text, "may not be in the loopback range (127.0.0.0/8, ::1/128)");
        else if (IsLinkLocal(address)) errors.Invalid(field, text, "may not be in the link-local range (169.254.0.0/16, fe80::/10)");
        else if (address.IsIPv6Multicast || address.GetAddressBytes()[0] is >= 224 and <= 239) errors.Invalid(field, text, "may not be in the multicast range (224.0.0.0/4, ff00::/10)");
    }

    public static void CheckFamily(string text, string family, string field, FieldErrors errors)
    {
        if (!TryParse(text, out _) || IpFamily.Of(text) != family) errors.Invalid(field, text, $"must be an {family} address");
        else CheckEndpoint(text, field, errors);
    }

    /// <summary>Four decimal numbers without leading zeros, or IPv6; not the short forms that IPAddress takes besides.</summary>
    public static bool TryParse(string? text, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out IPAddress? address)
    {
        if (!IPAddress.TryParse(text, out address)) return false;
        return address.AddressFamily != System.Net.Sockets.AddressFamily.InterNetwork || address.ToString() == text;
    }

    private static bool IsLinkLocal(IPAddress address) =>
        address.IsIPv6LinkLocal || (address.GetAddressBytes() is [169, 254, ..] and { Length: 4 });
}

internal static class PortRules
{
    public const string Range = "must be between 1 and 65535, inclusive";

    public static bool IsPort(long? port) => port is >= 1 and <= 65535;

    public static void CheckProtocol(JsonObject port, string field, FieldErrors errors)
    {
        var protocol = port.Text("protocol") ?? "";
        if (protocol is not ("TCP" or "UDP" or "SCTP")) errors.NotSupported(field, protocol, "SCTP", "TCP", "UDP");
    }

    public static void CheckEndpointPort(JsonObject port, string field, bool nameRequired, FieldErrors errors)
    {
        if (port.Text("name") is not { Length: > 0 } name)
        {
            if (nameRequired) errors.Required($"{field}.name");
        }
        else if (NameRules.Label(name) is { } wrong) errors.Invalid($"{field}.name", name, wrong);
        if (!IsPort(port.Number("port"))) errors.Invalid($"{field}.port", port.Number("port") ?? 0, Range);
        CheckProtocol(port, $"{field}.protocol", errors);
    }
}
