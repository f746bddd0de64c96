using System.Text.Json.Nodes;
using Fairlead.ApiServer.Allocation;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Resources.Strategies;

/// <summary>Defaults, type changes and allocation of a Service; its validation is in <see cref="ServiceRules"/>.</summary>
internal sealed class ServiceStrategy(ServiceAllocator allocator) : KindStrategy
{
    private const int AffinitySeconds = 10800;

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
        if (type == "LoadBalancer") spec.SetDefault("allocateLoadBalancerNodePorts", true);
        DefaultFamilies(spec);
    }

    public override void PrepareForCreate(JsonObject obj) => obj["status"] = new JsonObject { ["loadBalancer"] = new JsonObject() };

    public override void PrepareForUpdate(JsonObject obj, JsonObject old)
    {
        base.PrepareForUpdate(obj, old);
        var spec = obj.Child("spec");
        var before = old.Child("spec");
        var type = spec.Text("type");
        if (type != "ExternalName" && before.Text("type") != "ExternalName") KeepAddress(spec, before);
        if (type == "ExternalName" && before.Text("type") != "ExternalName") DropAddress(spec, before);
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

    public override void Validate(JsonObject obj, FieldErrors errors) => ServiceRules.Validate(obj, allocator, errors);

    public override void ValidateUpdate(JsonObject obj, JsonObject old, FieldErrors errors) => ServiceRules.ValidateUpdate(obj, old, errors);

    public override IReservation? Reserve(JsonObject obj, JsonObject? old, FieldErrors errors)
    {
        var reservation = new Reservation(allocator, $"{obj.Text("metadata", "namespace")}/{obj.Text("metadata", "name")}");
        ReserveAddress(obj.Child("spec"), old, reservation, errors);
        if (NeedsNodePorts(obj.Child("spec"))) ReservePorts(obj.Child("spec"), old, reservation, errors);
        if (errors.Any) reservation.Cancel();
        return reservation;
    }

    private static void DefaultFamilies(JsonObject spec)
    {
        if (spec.Text("type") == "ExternalName") return;
        spec.SetDefault("ipFamilyPolicy", "SingleStack");
        var headless = spec.Text("clusterIP") == "None";
        if (headless && spec.Object("selector") is not { Count: > 0 } && spec.IsMissing("ipFamilies")) spec["ipFamilyPolicy"] = "SingleStack";
        spec.SetDefault("ipFamilies", new JsonArray(spec.Text("clusterIP")?.Contains(':', StringComparison.Ordinal) == true ? "IPv6" : "IPv4"));
        if (spec.Text("clusterIP") is { Length: > 0 } address && spec.IsMissing("clusterIPs")) spec["clusterIPs"] = new JsonArray(address);
        if (spec.IsMissing("clusterIP") && spec.Texts("clusterIPs").FirstOrDefault() is { } first) spec["clusterIP"] = first;
    }

    private static bool NeedsNodePorts(JsonObject spec) =>
        spec.Text("type") == "NodePort" || (spec.Text("type") == "LoadBalancer" && spec.Flag("allocateLoadBalancerNodePorts") != false);

    private static bool NeedsHealthCheckPort(JsonObject spec) =>
        spec.Text("type") == "LoadBalancer" && spec.Text("externalTrafficPolicy") == "Local";

    // A client that leaves out what the server chose keeps it.
    private static void KeepAddress(JsonObject spec, JsonObject before)
    {
        if (spec.Text("clusterIP") is null or "") KeepMissing(spec, before, "clusterIP");
        if (spec.Array("clusterIPs") is not { Count: > 0 } || spec.Texts("clusterIPs").First() != spec.Text("clusterIP"))
            spec["clusterIPs"] = new JsonArray(spec.Text("clusterIP"));
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

    private void ReserveAddress(JsonObject spec, JsonObject? old, Reservation reservation, FieldErrors errors)
    {
        if (spec.Text("type") == "ExternalName" || spec.Text("clusterIP") == "None") return;
        if (spec.Text("clusterIP") is { Length: > 0 } asked)
        {
            if (old is not null && ServiceAllocator.AddressesOf(old).Contains(asked)) return;
            if (!reservation.TakeAddress(asked))
                errors.Invalid("spec.clusterIPs", new JsonArray(asked), $"failed to allocate IP {asked}: provided IP is already allocated");
            return;
        }
        if (reservation.TakeAddress() is { } address)
        {
            spec["clusterIP"] = address;
            spec["clusterIPs"] = new JsonArray(address);
        }
        else errors.Invalid("spec.clusterIPs", new JsonArray(), $"failed to allocate a serviceIP: range {allocator.Addresses} is full");
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
        if (NeedsHealthCheckPort(spec) && spec.Number("healthCheckNodePort") is null or 0 && NeedsHealthCheckPort(spec) && reservation.TakePort() is { } health)
            spec["healthCheckNodePort"] = health;
    }

    private sealed class Reservation(ServiceAllocator allocator, string owner) : IReservation
    {
        private readonly List<string> _addresses = [];
        private readonly List<int> _ports = [];

        public bool TakeAddress(string address)
        {
            if (!allocator.TryTakeAddress(address, owner)) return false;
            _addresses.Add(address);
            return true;
        }

        public string? TakeAddress()
        {
            var address = allocator.TakeAddress(owner);
            if (address is not null) _addresses.Add(address);
            return address;
        }

        public bool TakePort(int port)
        {
            if (!allocator.TryTakePort(port, owner)) return false;
            _ports.Add(port);
            return true;
        }

        public int? TakePort()
        {
            var port = allocator.TakePort(owner);
            if (port is { } number) _ports.Add(number);
            return port;
        }

        public void Cancel()
        {
            foreach (var address in _addresses) allocator.GiveBackAddress(address, owner);
            foreach (var port in _ports) allocator.GiveBackPort(port, owner);
        }
    }
}
