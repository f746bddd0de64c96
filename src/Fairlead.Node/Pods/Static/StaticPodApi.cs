using System.Text.Json.Nodes;
using Fairlead.Node.Api;
using Fairlead.Node.Volumes;
using k8s.Models;

namespace Fairlead.Node.Pods.Static;

/// <summary>The API as the workers of all pods use it: what is about a static pod goes to its mirror.</summary>
internal sealed class StaticPodApi(IPodApi api, StaticPods pods) : IPodApi
{
    public Task PatchStatusAsync(V1Pod pod, JsonObject changes, DateTimeOffset? verdict, CancellationToken cancel)
    {
        if (!StaticPodFile.IsStatic(pod)) return api.PatchStatusAsync(pod, changes, verdict, cancel);
        // Where there is none yet, its coming brings the pod back.
        return pods.MirrorOf(pod) is { } mirror ? api.PatchStatusAsync(mirror, changes, verdict, cancel) : Task.CompletedTask;
    }

    public async Task DeleteAsync(V1Pod pod, CancellationToken cancel)
    {
        if (!StaticPodFile.IsStatic(pod))
        {
            await api.DeleteAsync(pod, cancel);
            return;
        }
        if (pods.MirrorOf(pod) is { } mirror) await api.DeleteAsync(mirror, cancel);
        pods.Gone(pod);
    }

    public Task<V1ConfigMap?> FindConfigMapAsync(string ns, string name, CancellationToken cancel) => api.FindConfigMapAsync(ns, name, cancel);

    public Task<V1Secret?> FindSecretAsync(string ns, string name, CancellationToken cancel) => api.FindSecretAsync(ns, name, cancel);

    public Task<V1RuntimeClass?> FindRuntimeClassAsync(string name, CancellationToken cancel) => api.FindRuntimeClassAsync(name, cancel);

    public IDisposable Watch(ObjectRef about, Action changed) => api.Watch(about, changed);

    public Task<string> CreateTokenAsync(V1Pod pod, string? audience, long seconds, CancellationToken cancel) => api.CreateTokenAsync(pod, audience, seconds, cancel);

    public void Normal(V1Pod pod, V1Container? container, string reason, string message) => api.Normal(pod, container, reason, message);

    public void Warning(V1Pod pod, V1Container? container, string reason, string message) => api.Warning(pod, container, reason, message);
}
