using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Resources.Schema;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.HTTP;

/// <summary>Subresources that pods alone have.</summary>
internal sealed partial class ResourceHandler
{
    /// <summary>
    /// Deletes a pod as the Eviction's delete options say (Kubernetes documentation: "API-initiated Eviction"). There are no
    /// PodDisruptionBudgets here that could speak against it.
    /// </summary>
    private async Task EvictAsync(HttpContext context, ApiRequest request)
    {
        var eviction = await RequestBody.ReadObjectAsync(context, "Eviction", "V1Eviction");
        if (eviction.Text("metadata", "name") is { Length: > 0 } name && name != request.Name)
            throw ApiError.BadRequest($"name in URL does not match name in Eviction object: {request.Name} and {name}");
        var deletion = DeletionOf(eviction.Object("deleteOptions") ?? [], context);
        await registry.DeleteAsync(request.Kind!, request.Namespace, request.Name, deletion, context.RequestAborted);
        await Answers.WriteAsync(context, 201, Answers.Success());
    }

    /// <summary>POST of a Binding beside the pods, which names its pod in its metadata.</summary>
    public Task BindByBodyAsync(HttpContext context, ApiRequest request) => request is { Verb: "create", Name.Length: 0, Namespace.Length: > 0 }
        ? BindAsync(context, request with { Kind = registry.Kinds.Find("", "v1", "pods")! })
        : throw ApiError.MethodNotAllowed();

    /// <summary>Gives a pod its node, once.</summary>
    private async Task BindAsync(HttpContext context, ApiRequest request)
    {
        var binding = await RequestBody.ReadObjectAsync(context, "Binding", "V1Binding");
        if (request.Name.Length == 0) request = request with { Name = binding.Text("metadata", "name") ?? "" };
        var node = binding.Text("target", "name") is { Length: > 0 } name ? name : throw ApiError.BadRequest("the binding's target.name is empty");
        await registry.UpdateAsync(
            request.Kind!, request.Namespace, request.Name, UpdateScope.Internal,
            pod =>
            {
                if (pod.Text("metadata", "deletionTimestamp") is not null)
                    throw ApiError.Conflict(request.Kind!, request.Name, $"pod {request.Name} is being deleted, cannot be assigned to a host");
                if (pod.Text("spec", "nodeName") is { Length: > 0 } taken)
                    throw ApiError.Conflict(request.Kind!, request.Name, $"pod {request.Name} is already assigned to node \"{taken}\"");
                pod.Child("spec")["nodeName"] = node;
                SetScheduled(pod);
                return pod;
            },
            null, RequestQuery.Write(context, request.Subresource), context.RequestAborted);
        await Answers.WriteAsync(context, 201, Answers.Success());
    }

    private void SetScheduled(JsonObject pod)
    {
        var status = pod.Child("status");
        var others = status.Items("conditions").Where(pair => pair.Item.Text("type") != "PodScheduled").Select(pair => pair.Item.DeepClone());
        status["conditions"] = new JsonArray([.. others, new JsonObject
        {
            ["type"] = "PodScheduled",
            ["status"] = "True",
            ["lastTransitionTime"] = Timestamp.Format(time.GetUtcNow()),
        }]);
    }
}
