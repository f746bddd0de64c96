using System.Net;
using Fairlead.Doctor.Snapshot;
using k8s.Models;

namespace Fairlead.Unit.Doctor;

/// <summary>A healthy service of two pods on two nodes, from which each test takes something away.</summary>
internal static class Given
{
    public static readonly DateTimeOffset Now = new(2030, 1, 1, 12, 0, 0, TimeSpan.Zero);
    public static readonly IPAddress ClusterIp = IPAddress.Parse("10.96.0.7");

    public static V1Service Service(string selector = "app=kubia", string? targetPort = "8080", string type = "ClusterIP") => new()
    {
        Metadata = new V1ObjectMeta { Name = "kubia", NamespaceProperty = "default", Uid = "s" },
        Spec = new V1ServiceSpec
        {
            Type = type,
            ClusterIP = ClusterIp.ToString(),
            ClusterIPs = [ClusterIp.ToString()],
            Selector = selector.Length == 0 ? null : selector.Split(',').Select(pair => pair.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]),
            Ports = [new V1ServicePort { Port = 80, TargetPort = targetPort is null ? null : (IntOrString)targetPort, Protocol = "TCP", NodePort = type == "ClusterIP" ? null : 30123 }],
        },
    };

    public static V1Pod Pod(int number, string labels = "app=kubia", bool ready = true) => new()
    {
        Metadata = new V1ObjectMeta { Name = $"kubia-{number}", NamespaceProperty = "default", Labels = labels.Split(',').Select(pair => pair.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]) },
        Spec = new V1PodSpec { NodeName = $"node{number}", Containers = [new V1Container { Name = "main", Ports = [new V1ContainerPort { Name = "http", ContainerPort = 8080, Protocol = "TCP" }] }] },
        Status = new V1PodStatus
        {
            Phase = "Running",
            PodIP = Address(number).ToString(),
            Conditions = [new V1PodCondition { Type = "Ready", Status = ready ? "True" : "False", LastTransitionTime = Now.UtcDateTime.AddSeconds(-40) }],
            ContainerStatuses = [new V1ContainerStatus { Name = "main", Ready = ready, Started = true, State = new V1ContainerState { Running = new V1ContainerStateRunning() } }],
        },
    };

    public static IPAddress Address(int pod) => IPAddress.Parse($"10.244.{pod}.2");

    public static V1EndpointSlice Slice(params V1Pod[] pods) => new()
    {
        Metadata = new V1ObjectMeta { Name = "kubia-abcde", NamespaceProperty = "default" },
        AddressType = "IPv4",
        Ports = [new Discoveryv1EndpointPort { Port = 8080, Protocol = "TCP", Name = "" }],
        Endpoints = [.. pods.Select(pod => new V1Endpoint
        {
            Addresses = [pod.Status.PodIP],
            NodeName = pod.Spec.NodeName,
            Conditions = new V1EndpointConditions { Ready = pod.Status.Conditions[0].Status == "True" },
            TargetRef = new V1ObjectReference { Kind = "Pod", Name = pod.Metadata.Name },
        })],
    };

    public static V1Node Node(int number, bool ready = true) => new()
    {
        Metadata = new V1ObjectMeta { Name = $"node{number}" },
        Status = new V1NodeStatus { Conditions = [new V1NodeCondition { Type = "Ready", Status = ready ? "True" : "Unknown", Message = ready ? "posting" : "Kubelet stopped posting node status." }] },
    };

    public static Corev1Event Event(string kind, string name, string reason, string message) => new()
    {
        Metadata = new V1ObjectMeta { Name = $"{name}.1" },
        InvolvedObject = new V1ObjectReference { Kind = kind, Name = name },
        Type = "Warning", Reason = reason, Message = message, LastTimestamp = Now.UtcDateTime,
    };

    public static ServiceCase Healthy()
    {
        V1Pod[] pods = [Pod(1), Pod(2)];
        return new ServiceCase { Service = Service(), Pods = pods, Slices = [Slice(pods)], Nodes = [Node(1), Node(2)], Now = Now, Seen = Seen() };
    }

    /// <summary>What is seen of it from node1 and node2 while all is well.</summary>
    public static Observations Seen() => new()
    {
        HasNodes = true,
        Nodes = [new NodeSeen("node1", NodeState.Well), new NodeSeen("node2", NodeState.Well)],
        Dns = [Dns(DnsOutcome.Answered, ClusterIp)],
        Kernel = [new KernelSeen("node1", 4, [], null, TimeSpan.Zero), new KernelSeen("node2", 4, [], null, TimeSpan.Zero)],
        Connects = [Connect(Address(1), 8080, ConnectOutcome.Connected), Connect(Address(2), 8080, ConnectOutcome.Connected), Connect(ClusterIp, 80, ConnectOutcome.Connected)],
        Sockets = [Sockets(1, "0.0.0.0:8080"), Sockets(2, "[::]:8080")],
    };

    public static DnsSeen Dns(DnsOutcome outcome, params IPAddress[] addresses) =>
        new("node1", new IPEndPoint(IPAddress.Parse("10.96.0.10"), 53), true, new DnsAnswer("kubia.default.svc.cluster.local", outcome, outcome == DnsOutcome.NoSuchName ? "NXDOMAIN" : "NOERROR", addresses, null, TimeSpan.FromMilliseconds(1)));

    public static ConnectSeen Connect(IPAddress to, int port, ConnectOutcome outcome) => new("node1", new IPEndPoint(to, port), !to.Equals(ClusterIp), outcome, TimeSpan.FromMilliseconds(1));

    /// <summary>From this machine, 172.18.0.1.</summary>
    public static OutsideSeen Outside(string to, string? node, ConnectOutcome outcome) => new(IPEndPoint.Parse(to), node, IPAddress.Parse("172.18.0.1"), outcome, TimeSpan.FromMilliseconds(1));

    public static PodSockets Sockets(int pod, params string[] tcp) =>
        new($"kubia-{pod}", [.. tcp.Select(IPEndPoint.Parse).Select(point => new ListeningSocket("TCP", point.Address, point.Port))]);
}
