using Fairlead.Controllers.Cache;
using Fairlead.Kube;
using Fairlead.Kube.Placement;

namespace Fairlead.Unit.Controllers;

/// <summary>Cached objects for tables of cases; what a case does not name is ordinary: ready pods, ready nodes, one TCP port.</summary>
internal static class Given
{
    public static readonly DateTime Now = new(2026, 1, 1, 12, 0, 0, DateTimeKind.Utc);
    public static readonly PodDemand NoDemand = new("default-scheduler", NodeResources.None, ValueMap.Empty);

    public static PodItem Pod(string name, string labels = "app=kubia", string ip = "10.244.0.5", bool ready = true, string node = "node-1") =>
        new(new ObjectKey("default", name), Meta("uid-" + name))
        {
            Labels = Map(labels),
            Addresses = ip.Length == 0 ? [] : [.. ip.Split(',')],
            NodeName = node,
            Phase = "Running",
            IsReady = ready,
            ReadyChanged = Now.AddMinutes(-5),
            Demand = NoDemand,
        };

    public static ServiceItem Service(string name = "kubia", string selector = "app=kubia", params ServicePortItem[] ports) =>
        new(new ObjectKey("default", name), Meta("uid-svc-" + name), ValueMap.Empty, Map(selector))
        {
            Ports = ports.Length == 0 ? [new ServicePortItem("", "TCP", 80, 8080, "", "")] : [.. ports],
            Families = ["IPv4"],
        };

    public static NodeItem Node(string name = "node-1", long milliCpu = 2000, long memory = 1L << 30, long pods = 110, string ready = "True", string labels = "") =>
        new(new ObjectKey("", name), Meta("uid-" + name), Map(labels)) { Allocatable = new NodeResources(milliCpu, memory, 10L << 30, default), MaxPods = pods, Ready = ready };

    public static ReplicaItem Replicas(int replicas, string selector = "app=kubia") =>
        new(new ObjectKey("default", "kubia"), Meta("uid-rc"), 1, replicas, new SelectorItem(Map(selector)), Template(selector))
        {
            Status = new ReplicaStatus(0, 0, 0, 0, 0, "", ""),
        };

    public static ObjectMeta Meta(string uid) => new(uid, [], [], Now.AddHours(-1), null);

    public static PodItem Owned(this PodItem pod, string uid = "uid-rc") =>
        pod with { Meta = pod.Meta with { Owners = [new OwnerReference("v1", "ReplicationController", "kubia", uid, true, true)] } };

    public static PodItem Deleting(this PodItem pod) => pod with { Meta = pod.Meta with { Deleted = Now } };

    public static ValueMap Map(string pairs) => ValueMap.From(pairs
        .Split(',', StringSplitOptions.RemoveEmptyEntries)
        .Select(pair => pair.Split('='))
        .Select(pair => KeyValuePair.Create(pair[0], pair[1])));

    private static PodTemplate Template(string labels) => new(new k8s.Models.V1PodTemplateSpec
    {
        Metadata = new k8s.Models.V1ObjectMeta { Labels = Map(labels).ToDictionary() },
    });
}
