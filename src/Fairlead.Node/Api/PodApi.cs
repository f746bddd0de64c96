using System.Text.Json.Nodes;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Events;
using Fairlead.Kube.Informers;
using Fairlead.Node.Pods.Static;
using Fairlead.Node.Volumes;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Api;

/// <summary><see cref="IPodApi"/> over the Kubernetes client.</summary>
internal sealed class PodApi(KubeClient client, EventRecorder events, ILogger log, TimeProvider time) : IPodApi, IMirrorApi
{
    public async Task PatchStatusAsync(V1Pod pod, JsonObject changes, DateTimeOffset? verdict, CancellationToken cancel)
    {
        var metadata = new JsonObject { ["uid"] = pod.Metadata.Uid };
        if (verdict is { } at) metadata["annotations"] = new JsonObject { [PodAnnotations.ReadinessVerdict] = Timestamps.Micro(at) };
        var body = new JsonObject { ["metadata"] = metadata, ["status"] = changes };
        try
        {
            await client.PatchAsync(ApiResources.Pods, ObjectKey.Of(pod), Patch.StrategicMerge(body), "status", cancel);
        }
        catch (KubeApiException e) when (e.IsNotFound)
        {
            // It is gone, and the news of that is on its way here.
        }
    }

    public Task DeleteAsync(V1Pod pod, CancellationToken cancel) => client.DeleteAsync(
        ApiResources.Pods,
        ObjectKey.Of(pod),
        new V1DeleteOptions { GracePeriodSeconds = 0, Preconditions = new V1Preconditions { Uid = pod.Metadata.Uid } },
        cancel);

    public async Task<string?> CreateAsync(V1Pod mirror, CancellationToken cancel)
    {
        try
        {
            await client.CreateAsync(ApiResources.Pods, mirror, cancel);
            return null;
        }
        catch (KubeApiException e) when (e.IsAlreadyExists)
        {
            // The news of it is on its way here.
            return null;
        }
        catch (KubeApiException e)
        {
            return e.Message;
        }
    }

    public Task<V1ConfigMap?> FindConfigMapAsync(string ns, string name, CancellationToken cancel) =>
        client.FindAsync(ApiResources.ConfigMaps, ns, name, cancel);

    public Task<V1Secret?> FindSecretAsync(string ns, string name, CancellationToken cancel) =>
        client.FindAsync(ApiResources.Secrets, ns, name, cancel);

    public Task<V1RuntimeClass?> FindRuntimeClassAsync(string name, CancellationToken cancel) =>
        client.FindAsync(ApiResources.RuntimeClasses, null, name, cancel);

    public IDisposable Watch(ObjectRef about, Action changed) => about.IsSecret
        ? Watch(ApiResources.Secrets, about, changed)
        : Watch(ApiResources.ConfigMaps, about, changed);

    /// <summary>One watch an object, by its name, is all that a node may have (Kubernetes documentation: "Using Node Authorization").</summary>
    private ObjectWatch Watch<T>(ApiResource<T> resource, ObjectRef about, Action changed)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var only = new ListOptions { FieldSelector = $"metadata.name={about.Name}" };
        var informer = new Informer<T, ObjectVersion>(client, resource, obj => new ObjectVersion(obj.Metadata.Uid, obj.Metadata.ResourceVersion), log, time, about.Namespace, only);
        informer.Changed += _ => changed();
        return new ObjectWatch(informer.RunAsync);
    }

    private sealed record ObjectVersion(string? Uid, string? Version);

    private sealed class ObjectWatch : IDisposable
    {
        private readonly CancellationTokenSource _stop = new();

        public ObjectWatch(Func<CancellationToken, Task> run) => _ = run(_stop.Token);

        public void Dispose()
        {
            _stop.Cancel();
            _stop.Dispose();
        }
    }

    public async Task<string> CreateTokenAsync(V1Pod pod, string? audience, long seconds, CancellationToken cancel)
    {
        var body = new JsonObject
        {
            ["apiVersion"] = "authentication.k8s.io/v1",
            ["kind"] = "TokenRequest",
            ["spec"] = new JsonObject
            {
                ["audiences"] = audience is null ? new JsonArray() : new JsonArray((JsonNode)audience),
                ["expirationSeconds"] = seconds,
                ["boundObjectRef"] = new JsonObject
                {
                    ["apiVersion"] = "v1",
                    ["kind"] = "Pod",
                    ["name"] = pod.Metadata.Name,
                    ["uid"] = pod.Metadata.Uid,
                },
            },
        };
        var path = ApiResources.ServiceAccounts.Path(pod.Metadata.NamespaceProperty, pod.Spec.ServiceAccountName ?? "default", "token");
        using var content = new StringContent(body.ToJsonString(), new System.Net.Http.Headers.MediaTypeHeaderValue("application/json"));
        using var response = await client.Http.PostAsync(path, content, cancel);
        if (!response.IsSuccessStatusCode) throw new KubeApiException(response.StatusCode, $"POST {path}: {(int)response.StatusCode}");
        var answer = JsonNode.Parse(await response.Content.ReadAsStringAsync(cancel));
        return answer?["status"]?["token"]?.GetValue<string>() ?? throw new KubeApiException(response.StatusCode, $"POST {path} answered no token");
    }

    public void Normal(V1Pod pod, V1Container? container, string reason, string message) => events.Normal(About(pod, container), reason, message);

    public void Warning(V1Pod pod, V1Container? container, string reason, string message) => events.Warning(About(pod, container), reason, message);

    private static V1ObjectReference About(V1Pod pod, V1Container? container)
    {
        var field = container is null ? null
            : pod.Spec.InitContainers?.Any(init => init.Name == container.Name) == true ? $"spec.initContainers{{{container.Name}}}"
            : pod.Spec.EphemeralContainers?.Any(ephemeral => ephemeral.Name == container.Name) == true ? $"spec.ephemeralContainers{{{container.Name}}}"
            : $"spec.containers{{{container.Name}}}";
        return EventRecorder.About(ApiResources.Pods, pod.Metadata, field);
    }
}
