using System.Text.Json.Nodes;
using Fairlead.Node.Volumes;
using k8s.Models;

namespace Fairlead.Node.Api;

/// <summary>All that running pods needs of the API server.</summary>
internal interface IPodApi
{
    /// <summary>Merges changes into the pod's status; the UID in the patch keeps it off a successor of the same name.</summary>
    /// <param name="verdict">When a probe decided that the pod becomes ready, or ceases to be, with these changes; null: none did.</param>
    Task PatchStatusAsync(V1Pod pod, JsonObject changes, DateTimeOffset? verdict, CancellationToken cancel);

    /// <summary>Says that nothing of the pod is left here; the object goes away.</summary>
    Task DeleteAsync(V1Pod pod, CancellationToken cancel);

    Task<V1ConfigMap?> FindConfigMapAsync(string ns, string name, CancellationToken cancel);

    Task<V1Secret?> FindSecretAsync(string ns, string name, CancellationToken cancel);

    Task<V1RuntimeClass?> FindRuntimeClassAsync(string name, CancellationToken cancel);

    /// <summary>Tells whenever the object has come, changed or gone, until disposed.</summary>
    IDisposable Watch(ObjectRef about, Action changed);

    /// <summary>A token of the pod's service account that is bound to the pod.</summary>
    /// <param name="audience">Null: the API server itself.</param>
    Task<string> CreateTokenAsync(V1Pod pod, string? audience, long seconds, CancellationToken cancel);

    /// <param name="container">The container that it is about, or null.</param>
    void Normal(V1Pod pod, V1Container? container, string reason, string message);

    void Warning(V1Pod pod, V1Container? container, string reason, string message);
}
