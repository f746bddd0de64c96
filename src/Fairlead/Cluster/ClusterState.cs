using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fairlead.Cluster;

/// <summary>What `up` decided and started, kept beside the cluster's data for `down`, `status` and the next `up`.</summary>
internal sealed record ClusterState
{
    public required string Name { get; init; }

    /// <summary>The /24 on the host that joins the nodes, for example 172.18.0.0/24; .1 is the host.</summary>
    public required string Underlay { get; init; }

    /// <summary>The API server's address, for example 172.18.0.1:6443.</summary>
    public required string ApiServer { get; init; }

    /// <summary>The kubeconfig file that got the cluster's context.</summary>
    public required string Kubeconfig { get; init; }

    /// <summary>What runs containers on its nodes: runc, crun or containerd.</summary>
    public string Runtime { get; init; } = "runc";

    /// <summary>Socket of the CRI runtime that all nodes use instead; null: each has its own.</summary>
    public string? RuntimeEndpoint { get; init; }

    /// <summary>Folder of the nodes' static pods; null: none.</summary>
    public string? PodManifests { get; init; }

    /// <summary>Corefile of the nodes' DNS; null: none.</summary>
    public string? DnsConfig { get; init; }

    public required string PodRange { get; init; }
    public required string ServiceRange { get; init; }
    public required string ClusterDns { get; init; }
    public required IReadOnlyList<ClusterNode> Nodes { get; init; }

    /// <summary>Options of `fairlead server` that name an etcd; null: it keeps objects in a file.</summary>
    public IReadOnlyList<string>? Etcd { get; init; }

    /// <summary>Options of `fairlead agent` in kubelet's words; null: none.</summary>
    public IReadOnlyList<string>? Kubelet { get; init; }

    /// <summary>The machine's boot in which its processes were started: in another one their numbers mean nothing.</summary>
    public string? BootId { get; init; }

    /// <summary>Options of `fairlead agent` that name the routers to speak BGP with; null: there are none.</summary>
    public IReadOnlyList<string>? Bgp { get; init; }

    /// <summary>Process of the API server and controllers; 0: not started.</summary>
    public int ServerPid { get; init; }

    /// <summary>Whether the server does not run, or the agent of a node that nobody stopped.</summary>
    [JsonIgnore]
    public bool LacksAProcess => !ClusterLauncher.IsRunning(ServerPid) || Nodes.Any(node => node.AgentPid != 0 && !ClusterLauncher.IsRunning(node.AgentPid));

    public static ClusterState? Read(ClusterPaths paths)
    {
        var state = File.Exists(paths.State) ? JsonSerializer.Deserialize(File.ReadAllBytes(paths.State), ClusterStateJson.Default.ClusterState) : null;
        return state is null || state.BootId is null || state.BootId == Boot()
            ? state
            : state with { ServerPid = 0, Nodes = [.. state.Nodes.Select(node => node with { AgentPid = 0 })] };
    }

    private static string Boot() => File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();

    public void Write(ClusterPaths paths)
    {
        Directory.CreateDirectory(paths.Data);
        var temporary = paths.State + ".new";
        File.WriteAllBytes(temporary, JsonSerializer.SerializeToUtf8Bytes(this with { BootId = Boot() }, ClusterStateJson.Default.ClusterState));
        File.Move(temporary, paths.State, overwrite: true);
    }
}

/// <param name="Address">In the underlay.</param>
/// <param name="AgentPid">Process of its agent; 0: not started.</param>
/// <param name="Zone">Its label topology.kubernetes.io/zone, or null.</param>
internal sealed record ClusterNode(string Name, int Index, string Address, int AgentPid, string? Zone = null);

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ClusterState))]
internal sealed partial class ClusterStateJson : JsonSerializerContext;
