using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Watch;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.HTTP;

/// <summary>How the parts of the control plane are (Kubernetes API reference: "ComponentStatus", deprecated since 1.19 and still asked for). The store goes by etcd's name.</summary>
internal sealed class ComponentStatuses(IReadOnlyList<Component> components, TimeProvider time)
{
    public static bool Serves(ApiRequest request) => request.Kind is { Group: "", Plural: "componentstatuses" };

    public async Task HandleAsync(HttpContext context, ApiRequest request)
    {
        if (request.Subresource.Length > 0) throw ApiError.NoSuchPath();
        if (request.Verb is not ("get" or "list")) throw ApiError.MethodNotAllowed();
        RequestBody.Warn(context, "v1 ComponentStatus is deprecated in v1.19+");
        var kind = request.Kind!;
        var selection = RequestQuery.Selection(context, kind, "", request.Name);
        var found = components.Select(component => Describe(kind, component)).Where(selection.Matches).ToList();
        if (request.Name.Length > 0 && found.Count == 0) throw ApiError.NotFound(kind, request.Name);
        if (ResourceHandler.WantsTable(context)) await TableAnswer.WriteAsync(context, kind, found, ResourceHandler.HeadOf(0, null, 0), time.GetUtcNow());
        else if (request.Name.Length > 0) await Answers.WriteAsync(context, 200, WithoutVersion(found[0]));
        else
        {
            await Answers.WriteAsync(context, 200, new JsonObject
            {
                ["kind"] = "ComponentStatusList",
                ["apiVersion"] = "v1",
                ["metadata"] = new JsonObject(),
                ["items"] = new JsonArray([.. found.Select(WithoutVersion)]),
            });
        }
    }

    private static StoredObject Describe(Kind kind, Component component)
    {
        var failure = component.Failure();
        var condition = new JsonObject { ["type"] = "Healthy", ["status"] = failure is null ? "True" : "False" };
        condition[failure is null ? "message" : "error"] = failure ?? "ok";
        var described = new JsonObject
        {
            ["kind"] = kind.Name,
            ["apiVersion"] = kind.ApiVersion,
            ["metadata"] = new JsonObject { ["name"] = component.Name },
            ["conditions"] = new JsonArray(condition),
        };
        return StoredObject.Read(kind, kind.Key("", component.Name), StoredObject.Write(described), 0);
    }

    /// <summary>What is not stored has no revision.</summary>
    private static JsonObject WithoutVersion(StoredObject obj)
    {
        var tree = obj.ToTree();
        var metadata = tree.Child("metadata");
        metadata.Remove("resourceVersion");
        metadata["creationTimestamp"] = null;
        return tree;
    }
}
