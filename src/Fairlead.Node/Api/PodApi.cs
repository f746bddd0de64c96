using System.Text.Json.Nodes;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Events;
using k8s.Models;

namespace Fairlead.Node.Api;

/// <summary><see cref="IPodApi"/> over the Kubernetes client.</summary>
internal sealed class PodApi(KubeClient client, EventRecorder events) : IPodApi
{
    public Task PatchStatusAsync(V1Pod pod, JsonObject changes, CancellationToken cancel)
    {
        var body = new JsonObject
        {
            ["metadata"] = new JsonObject { ["uid"] = pod.Metadata.Uid },
            ["status"] = changes,
        };
        return client.PatchAsync(ApiResources.Pods, ObjectKey.Of(pod), Patch.StrategicMerge(body), "status", cancel);
    }

    public Task DeleteAsync(V1Pod pod, CancellationToken cancel) => client.DeleteAsync(
        ApiResources.Pods,
        ObjectKey.Of(pod),
        new V1DeleteOptions { GracePeriodSeconds = 0, Preconditions = new V1Preconditions { Uid = pod.Metadata.Uid } },
        cancel);

    public Task<V1ConfigMap?> FindConfigMapAsync(string ns, string name, CancellationToken cancel) =>
        client.FindAsync(ApiResources.ConfigMaps, ns, name, cancel);

    public Task<V1Secret?> FindSecretAsync(string ns, string name, CancellationToken cancel) =>
        client.FindAsync(ApiResources.Secrets, ns, name, cancel);

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
            : $"spec.containers{{{container.Name}}}";
        return EventRecorder.About(ApiResources.Pods, pod.Metadata, field);
    }
}
