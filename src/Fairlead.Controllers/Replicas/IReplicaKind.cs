using System.Text.Json.Nodes;
using Fairlead.Controllers.Cache;
using Fairlead.Kube;
using k8s.Models;

namespace Fairlead.Controllers.Replicas;

/// <summary>The little in which ReplicationController and ReplicaSet differ.</summary>
internal interface IReplicaKind
{
    string ApiVersion { get; }
    string Kind { get; }

    /// <summary>Who speaks in events, for example <c>replication-controller</c>.</summary>
    string Component { get; }

    /// <summary>Whether status.terminatingReplicas is told, which ReplicationControllers do not.</summary>
    bool TellsTerminating { get; }

    ReplicaItem? Find(ObjectKey key);

    /// <summary>Owners in the pod's namespace whose selector matches its labels.</summary>
    IEnumerable<ObjectKey> Selecting(string ns, ValueMap labels);

    /// <summary>Candidates by selector; a superset is allowed.</summary>
    IEnumerable<PodItem> Selected(ReplicaItem owner);

    /// <summary>Raised with the item before (null: new) and now (null: gone).</summary>
    event Action<ObjectKey, ReplicaItem?, ReplicaItem?>? Changed;

    /// <summary>The owner's metadata from the API server itself, or null.</summary>
    Task<V1ObjectMeta?> ReadAsync(ObjectKey key, CancellationToken cancel);

    Task PatchStatusAsync(ObjectKey key, JsonObject patch, CancellationToken cancel);
}
