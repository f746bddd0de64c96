using System.Net;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Allocation;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Resources.Strategies;

/// <summary>Defaults, type changes and allocation of a Service; its validation is in <see cref="ServiceRules"/>.</summary>
internal sealed class ServiceStrategy(ServiceAllocator allocator) : KindStrategy
{
    private const int AffinitySeconds = 10800;
    private readonly ServiceFamilies _families = new(allocator.Ranges.Families);

    public override string? CheckName(string name) => NameRules.Label1035(name);

    public override void Default(JsonObject obj)
    {
        var spec = obj.Child("spec");
        spec.SetDefault("type", "ClusterIP");
        spec.SetDefault("sessionAffinity", "None");
        if (spec.Text("sessionAffinity") == "None") spec.Remove("sessionAffinityConfig");
        if (spec.Text("sessionAffinity") == "ClientIP")
            spec.Child("sessionAffinityConfig").Child("clientIP").SetDefault("timeoutSeconds", AffinitySeconds);
        foreach (var (_, port) in spec.Items("ports"))
        {
            port.SetDefault("protocol", "TCP");
            if (port.IsMissing("targetPort") || port.Text("targetPort") == "" || port.Number("targetPort") == 0)
                port["targetPort"] = port.Number("port") ?? 0;
        }
        var type = spec.Text("type");
        if (type is "NodePort" or "LoadBalancer" || spec.Array("externalIPs") is { Count: > 0 }) spec.SetDefault("externalTrafficPolicy", "Cluster");
        if (type != "ExternalName") spec.SetDefault("internalTrafficPolicy", "Cluster");
        if (type != "LoadBalancer") return;
        spec.SetDefault("allocateLoadBalancerNodePorts", true);
        foreach (var (_, ingress) in obj.Items("status", "loadBalancer", "ingress"))
        {
            if (ingress.Text("ip") is { Length: > 0 }) ingress.SetDefault("ipMode", "VIP");
        }
    }

    public override void PrepareForCreate(JsonObject obj)
    {
        obj["status"] = new JsonObject { ["loadBalancer"] = new JsonObject() };
        var spec = obj.Child("spec");
        MatchAddresses(spec);
        if (spec.Text("type") != "ExternalName") _families.Choose(spec, null);
    }

    public override void PrepareForUpdate(JsonObject obj, JsonObject old)
    {
        base.PrepareForUpdate(obj, old);
        var spec = obj.Child("spec");
        var before = old.Child("spec");
        var type = spec.Text("type");
        var wasName = before.Text("type") == "ExternalName";
        if (type != "ExternalName" && !wasName) KeepAddress(spec, before);
        MatchAddresses(spec);
        if (type != "ExternalName") _families.Choose(spec, wasName ? null : before);
        if (type == "ExternalName" && !wasName) DropAddress(spec, before);
        if (NeedsNodePorts(spec)) KeepNodePorts(spec, before);
        else DropNodePorts(spec, before);
        if (type is not ("NodePort" or "LoadBalancer") && spec.Array("externalIPs") is not { Count: > 0 }) spec.Remove("externalTrafficPolicy");
        if (type != "LoadBalancer")
        {
            spec.Remove("allocateLoadBalancerNodePorts");
            spec.Remove("loadBalancerClass");
            obj.Child("status")["loadBalancer"] = new JsonObject();
        }
        if (NeedsHealthCheckPort(spec)) KeepMissing(spec, before, "healthCheckNodePort");
        else if (spec.Number("healthCheckNodePort") == before.Number("healthCheckNodePort")) spec.Remove("healthCheckNodePort");
    }

    public override void Validate(JsonObject obj, FieldErrors errors) => ServiceRules.Validate(obj, allocator, _families, errors);

    public override void ValidateUpdate(JsonObject obj, JsonObject old, FieldErrors errors) => ServiceRules.ValidateUpdate(obj, old, errors);

    public override void ValidateStatusUpdate(JsonObject obj, JsonObject old, FieldErrors errors) => ServiceRules.ValidateStatus(obj, old, errors);

    public override IDisposable? Reserve(JsonObject obj, JsonObject? old, FieldErrors errors)
    {
        var reservation = new Reservation(allocator);
        ReserveAddresses(obj.Child("spec"), old, reservation, errors);
        if (NeedsNodePorts(obj.Child("spec"))) ReservePorts(obj.Child("spec"), old, reservation, errors);
        if (NeedsHealthCheckPort(obj.Child("spec"))) ReserveHealthCheckPort(obj.Child("spec"), old, reservation, errors);
        return reservation;
    }

    public override IEnumerable<string> Claims(JsonObject obj) =>
        ServiceAllocator.AddressesOf(obj).Select(ServiceAllocator.ClaimOf).Concat(ServiceAllocator.PortsOf(obj).Select(ServiceAllocator.ClaimOf));

    /// <summary>A client may name its address in the one field or in the other.</summary>
    private static void MatchAddresses(JsonObject spec)
    {
        if (spec.Text("clusterIP") is { Length: > 0 } address && spec.Array("clusterIPs") is not { Count: > 0 }) spec["clusterIPs"] = new JsonArray(address);
        if (spec.Text("clusterIP") is null or "" && spec.Texts("clusterIPs").FirstOrDefault() is { } first) spec["clusterIP"] = first;
    }

    private static bool NeedsNodePorts(JsonObject spec) =>
        spec.Text("type") == "NodePort" || (spec.Text("type") == "LoadBalancer" && spec.Flag("allocateLoadBalancerNodePorts") != false);

    private static bool NeedsHealthCheckPort(JsonObject spec) =>
        spec.Text("type") == "LoadBalancer" && spec.Text("externalTrafficPolicy") == "Local";

    // A client that leaves out what the server chose keeps it.
    private static void KeepAddress(JsonObject spec, JsonObject before)
    {
        if (spec.Text("clusterIP") is null or "") KeepMissing(spec, before, "clusterIP");
        if (spec.Array("clusterIPs") is not { Count: > 0 } && spec.Text("clusterIP") == before.Text("clusterIP")) Keep(spec, before, "clusterIPs");
        if (spec.Texts("clusterIPs").FirstOrDefault() != spec.Text("clusterIP")) spec["clusterIPs"] = new JsonArray(spec.Text("clusterIP"));
    }

    // Turning to ExternalName gives the address back, if the client did not ask for another.
    private static void DropAddress(JsonObject spec, JsonObject before)
    {
        if (spec.Text("clusterIP") == before.Text("clusterIP")) spec.Remove("clusterIP");
        if (JsonNode.DeepEquals(spec["clusterIPs"], before["clusterIPs"])) spec.Remove("clusterIPs");
        spec.Remove("ipFamilies");
        spec.Remove("ipFamilyPolicy");
        spec.Remove("internalTrafficPolicy");
    }

    private static void KeepNodePorts(JsonObject spec, JsonObject before)
    {
        foreach (var (_, port) in spec.Items("ports"))
        {
            if (port.Number("nodePort") is > 0) continue;
            var same = before.Items("ports").Select(pair => pair.Item)
                .FirstOrDefault(old => old.Number("port") == port.Number("port") && old.Text("protocol") == port.Text("protocol"));
            if (same?.Number("nodePort") is { } number and > 0 && !spec.Items("ports").Any(pair => pair.Item.Number("nodePort") == number))
                port["nodePort"] = number;
        }
    }

    private static void DropNodePorts(JsonObject spec, JsonObject before)
    {
        var held = before.Items("ports").Select(pair => pair.Item.Number("nodePort")).ToHashSet();
        foreach (var (_, port) in spec.Items("ports"))
        {
            if (held.Contains(port.Number("nodePort"))) port.Remove("nodePort");
        }
    }

    private static void KeepMissing(JsonObject obj, JsonObject old, string name)
    {
        if (obj.IsMissing(name) || obj.Text(name) == "" || obj.Number(name) == 0) Keep(obj, old, name);
    }

    private void ReserveAddresses(JsonObject spec, JsonObject? old, Reservation reservation, FieldErrors errors)
    {
        if (spec.Text("type") == "ExternalName" || spec.Text("clusterIP") == "None") return;
        var held = old is null ? [] : ServiceAllocator.AddressesOf(old).ToHashSet();
        var addresses = spec.Texts("clusterIPs").ToList();
        foreach (var asked in addresses.Select(IPAddress.Parse).Where(asked => !held.Contains(asked.ToString()))) ReserveAsked(asked, reservation, errors);
        foreach (var family in spec.Texts("ipFamilies").Skip(addresses.Count))
        {
            if (reservation.TakeAddressOf(family) is { } address) addresses.Add(address);
            else errors.Invalid("spec.clusterIPs", addresses.ToJsonArray(), $"failed to allocate a serviceIP: range {string.Join(", ", allocator.Ranges.Of(family))} is full");
        }
        if (addresses.Count == 0) return;
        spec["clusterIP"] = addresses[0];
        spec["clusterIPs"] = addresses.ToJsonArray();
    }

    // Asked for when it is given, not at every change: a range may go before the Services in it.
    private void ReserveAsked(IPAddress asked, Reservation reservation, FieldErrors errors)
    {
        if (!allocator.Ranges.Contains(asked))
            errors.Invalid("spec.clusterIPs", new JsonArray(asked.ToString()), $"failed to allocate IP {asked}: the provided IP ({asked}) is not in the valid range. The range of valid IPs is {allocator.Ranges}");
        else if (!reservation.TakeAddress(asked.ToString()))
            errors.Invalid("spec.clusterIPs", new JsonArray(asked.ToString()), $"failed to allocate IP {asked}: provided IP is already allocated");
    }

    private static void ReservePorts(JsonObject spec, JsonObject? old, Reservation reservation, FieldErrors errors)
    {
        var held = old is null ? [] : ServiceAllocator.PortsOf(old).ToHashSet();
        // TCP and UDP of one number may share a node port within a service.
        var taken = new HashSet<int>();
        foreach (var (i, port) in spec.Items("ports"))
        {
            if (port.Number("nodePort") is { } asked and > 0)
            {
                if (!held.Contains((int)asked) && !taken.Contains((int)asked) && !reservation.TakePort((int)asked))
                    errors.Invalid($"spec.ports[{i}].nodePort", asked, "provided port is already allocated");
                taken.Add((int)asked);
            }
            else if (reservation.TakePort() is { } number) port["nodePort"] = number;
            else errors.Invalid($"spec.ports[{i}].nodePort", 0, "failed to allocate a nodePort: range is full");
        }
    }

    // Also where the service wants no node ports: https://kubernetes.io/docs/concepts/services-networking/service/#load-balancer-nodeport-allocation
    private static void ReserveHealthCheckPort(JsonObject spec, JsonObject? old, Reservation reservation, FieldErrors errors)
    {
        if (spec.Number("healthCheckNodePort") is { } asked and > 0)
        {
            var held = old is not null && old.Number("spec", "healthCheckNodePort") == asked;
            if (!held && !reservation.TakePort((int)asked)) errors.Invalid("spec.healthCheckNodePort", asked, "provided port is already allocated");
        }
        else if (reservation.TakePort() is { } number) spec["healthCheckNodePort"] = number;
        else errors.Invalid("spec.healthCheckNodePort", 0, "failed to allocate a nodePort: range is full");
    }

    /// <summary>What is taken for a Service until it is stored, or is not.</summary>
    private sealed class Reservation(ServiceAllocator allocator) : IDisposable
    {
        private readonly List<string> _addresses = [];
        private readonly List<int> _ports = [];

        public bool TakeAddress(string address)
        {
            if (!allocator.TryTakeAddress(address)) return false;
            _addresses.Add(address);
            return true;
        }

        public string? TakeAddressOf(string family)
        {
            var address = allocator.TakeAddressOf(family);
            if (address is not null) _addresses.Add(address);
            return address;
        }

        public bool TakePort(int port)
        {
            if (!allocator.TryTakePort(port)) return false;
            _ports.Add(port);
            return true;
        }

        public int? TakePort()
        {
            var port = allocator.TakePort();
            if (port is { } number) _ports.Add(number);
            return port;
        }

        public void Dispose() => allocator.GiveBack(_addresses, _ports);
    }
}
