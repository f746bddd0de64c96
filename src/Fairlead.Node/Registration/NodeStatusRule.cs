using System.Globalization;
using Fairlead.Node.Images;
using k8s.Models;

namespace Fairlead.Node.Registration;

/// <summary>
/// The Node object as kubelet would write it (Kubernetes documentation: "Node Status"; "Reserve Compute Resources" for what
/// is allocatable; "Well-Known Labels").
/// </summary>
internal static class NodeStatusRule
{
    /// <summary>Kubelet keeps this much memory back, at which it would begin to evict.</summary>
    private const long MemoryReserve = 100L << 20;

    public static V1Node Build(NodeAgentOptions options, MachineFacts machine, string runtimeVersion, string? notReady, IList<V1ContainerImage> images, DateTime now) => new()
    {
        Metadata = new V1ObjectMeta { Name = options.NodeName, Labels = Labels(options, machine) },
        Spec = new V1NodeSpec(),
        Status = Status(options, machine, runtimeVersion, notReady, images, null, now),
    };

    public static Dictionary<string, string> Labels(NodeAgentOptions options, MachineFacts machine) => new(options.Labels)
    {
        ["kubernetes.io/hostname"] = options.HostName ?? options.NodeName,
        ["kubernetes.io/os"] = "linux",
        ["kubernetes.io/arch"] = machine.Architecture,
    };

    /// <param name="notReady">Why the node cannot run pods yet; null: it can.</param>
    public static V1NodeStatus Status(
        NodeAgentOptions options, MachineFacts machine, string runtimeVersion, string? notReady, IList<V1ContainerImage> images, V1NodeStatus? before, DateTime now) => new()
        {
            Addresses =
            [
                new() { Type = "InternalIP", Address = options.InternalAddress.ToString() },
                new() { Type = "ExternalIP", Address = (options.ExternalAddress ?? options.InternalAddress).ToString() },
                new() { Type = "Hostname", Address = options.HostName ?? options.NodeName },
            ],
            Capacity = Resources(options, machine, machine.Memory, machine.Storage),
            Allocatable = Resources(options, machine, machine.Memory - MemoryReserve, machine.Storage / 10 * 9),
            Conditions = Conditions(notReady, before, now),
            DaemonEndpoints = new V1NodeDaemonEndpoints { KubeletEndpoint = new V1DaemonEndpoint { Port = options.KubeletPort } },
            NodeInfo = Info(options, machine, runtimeVersion),
            Images = images,
        };

    private static Dictionary<string, ResourceQuantity> Resources(NodeAgentOptions options, MachineFacts machine, long memory, long storage) => new()
    {
        ["cpu"] = new ResourceQuantity(Text(machine.Processors)),
        ["memory"] = new ResourceQuantity($"{Text(memory >> 10)}Ki"),
        ["ephemeral-storage"] = new ResourceQuantity($"{Text(storage >> 10)}Ki"),
        ["pods"] = new ResourceQuantity(Text(options.MaxPods)),
    };

    private static V1NodeSystemInfo Info(NodeAgentOptions options, MachineFacts machine, string runtimeVersion) => new()
    {
        MachineID = machine.MachineId,
        SystemUUID = machine.SystemUuid,
        BootID = machine.BootId,
        KernelVersion = machine.Kernel,
        OsImage = machine.OsImage,
        ContainerRuntimeVersion = runtimeVersion,
        KubeletVersion = options.Version,
        KubeProxyVersion = options.Version,
        OperatingSystem = "linux",
        Architecture = machine.Architecture,
    };

    private static List<V1NodeCondition> Conditions(string? notReady, V1NodeStatus? before, DateTime now)
    {
        List<V1NodeCondition> conditions =
        [
            New("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
            New("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
            New("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            notReady is null
                ? New("Ready", "True", "KubeletReady", "kubelet is posting ready status")
                : New("Ready", "False", "KubeletNotReady", notReady),
        ];
        foreach (var condition in conditions)
        {
            var old = before?.Conditions?.FirstOrDefault(other => other.Type == condition.Type);
            condition.LastHeartbeatTime = now;
            condition.LastTransitionTime = old?.Status == condition.Status ? old.LastTransitionTime : now;
        }
        return conditions;
    }

    private static V1NodeCondition New(string type, string status, string reason, string message) =>
        new() { Type = type, Status = status, Reason = reason, Message = message };

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>The images of a node as its status lists them: the largest, at most 50 (kubelet's --node-status-max-images).</summary>
internal static class NodeImageList
{
    private const int Most = 50;
    private static readonly V1ContainerImage Host = new() { Names = ["fairlead/host:latest"], SizeBytes = 0 };

    public static List<V1ContainerImage> Of(IEnumerable<NamedImage> images) =>
    [
        .. images.GroupBy(image => image.Manifest).Select(same => new V1ContainerImage
        {
            Names = [.. same.Select(image => image.RegistryDigest is { } digest && ImageReference.TryParse(image.Name) is { } name ? $"{name.Name}@{digest}" : null)
                .OfType<string>().Concat(same.Select(image => image.Name)).Distinct()],
            SizeBytes = same.First().Size,
        }).OrderByDescending(image => image.SizeBytes).Take(Most - 1),
        Host,
    ];
}
