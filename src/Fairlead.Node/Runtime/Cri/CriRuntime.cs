using Fairlead.Node.Network;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Runtime.Cri;

/// <summary>
/// A container runtime behind CRI. What exists is held in memory as one immutable state a pod and swapped whole; records of what was
/// started are on disk, as they are with <see cref="Oci.OciRuntime"/>, and how it is now is the endpoint's to say.
/// <see cref="RunAsync"/> follows it. Calls for one pod must not overlap, but for stopping a container and exec.
/// </summary>
internal sealed partial class CriRuntime(
    CriClient client, string name, string version, NodePaths paths, PodNetwork network, ISandboxNetwork sandboxNetwork, IRuntimeImages images, TimeProvider time, ILogger log)
    : IContainerRuntime
{
    private const string PodUidLabel = "io.kubernetes.pod.uid";

    /// <summary>With the path of the node's cgroup, whose it is.</summary>
    public const string NodeLabel = "io.fairlead.node";
    private readonly PodStates _pods = new();

    public string Name => name;

    public string Version => version;

    public IReadOnlyCollection<string> PodUids => _pods.Uids;

    public event Action<string>? Changed;

    public PodRuntimeState Observe(string podUid) => _pods.Observe(podUid);

    /// <summary>By which the endpoint finds what is this node's.</summary>
    private IEnumerable<KeyValuePair<string, string>> OfThisNode => [new(NodeLabel, paths.CgroupParent)];

    private IEnumerable<KeyValuePair<string, string>> OfPod(string uid) => [new(NodeLabel, paths.CgroupParent), new(PodUidLabel, uid)];

    private Dictionary<string, string> Labels(string ns, string pod, string uid) => new()
    {
        ["io.kubernetes.pod.namespace"] = ns,
        ["io.kubernetes.pod.name"] = pod,
        [PodUidLabel] = uid,
        [NodeLabel] = paths.CgroupParent,
    };

    /// <summary>The folder of a container's files: its number is the runtime's to give, and comes too late for them.</summary>
    private string FolderOf(string podUid, string container, int attempt) =>
        paths.Container(podUid, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{container}-{attempt}"));

    private ContainerRecord? ReadRecord(ContainerState container) =>
        RecordFile.Read($"{FolderOf(container.PodUid, container.Name, container.Attempt)}/container.json", RecordJson.Default.ContainerRecord);
}

/// <summary>Gives sandboxes their network.</summary>
internal interface ISandboxNetwork
{
    /// <summary>A sandbox of the pod is about to ask for it, with these ports of the node.</summary>
    void Expect(string podUid, IReadOnlyList<PortMapping> ports);

    /// <summary>It has it, or will not ask any more.</summary>
    void Forget(string podUid);
}

/// <summary>Brings images to the runtime.</summary>
internal interface IRuntimeImages
{
    /// <summary>Answers the image's name there.</summary>
    /// <exception cref="RuntimeException">It cannot be brought.</exception>
    Task<string> EnsureAsync(Image image, CancellationToken cancel);
}
