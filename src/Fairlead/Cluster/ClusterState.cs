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

    public required string PodRange { get; init; }
    public required string ServiceRange { get; init; }
    public required string ClusterDns { get; init; }
    public required IReadOnlyList<ClusterNode> Nodes { get; init; }

    /// <summary>Process of the API server and controllers; 0: not started.</summary>
    public int ServerPid { get; init; }

    public static ClusterState? Read(ClusterPaths paths) =>
        File.Exists(paths.State) ? JsonSerializer.Deserialize(File.ReadAllBytes(paths.State), ClusterStateJson.Default.ClusterState) : null;

    public void Write(ClusterPaths paths)
    {
        Directory.CreateDirectory(paths.Data);
        var temporary = paths.State + ".new";
        File.WriteAllBytes(temporary, JsonSerializer.SerializeToUtf8Bytes(this, ClusterStateJson.Default.ClusterState));
        File.Move(temporary, paths.State, overwrite: true);
    }
}

/// <param name="Address">In the underlay.</param>
/// <param name="AgentPid">Process of its agent; 0: not started.</param>
internal sealed record ClusterNode(string Name, int Index, string Address, int AgentPid);

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ClusterState))]
internal sealed partial class ClusterStateJson : JsonSerializerContext;
