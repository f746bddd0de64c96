using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Patch;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Resources.Schema;
using Fairlead.ApiServer.Security;
using Fairlead.ApiServer.Watch;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.HTTP;

/// <summary>The verbs on resources, the same for every kind.</summary>
internal sealed partial class ResourceHandler(Registry registry, TimeProvider time)
{
    public Task HandleAsync(HttpContext context, ApiRequest request)
    {
        if (request.Subresource.Length > 0) return HandleSubresourceAsync(context, request);
        return request.Verb switch
        {
            "get" => GetAsync(context, request),
            "list" => ListAsync(context, request),
            "watch" => WatchAsync(context, request),
            "create" => CreateAsync(context, request),
            "update" => UpdateAsync(context, request, UpdateScope.Object),
            "patch" => PatchAsync(context, request, UpdateScope.Object),
            "delete" => DeleteAsync(context, request),
            "deletecollection" => DeleteCollectionAsync(context, request),
            _ => throw ApiError.MethodNotAllowed(),
        };
    }

    private Task GetAsync(HttpContext context, ApiRequest request)
    {
        var obj = registry.Get(request.Kind!, request.Namespace, request.Name);
        return WantsTable(context)
            ? TableAnswer.WriteAsync(context, request.Kind!, [obj], obj.Revision, null, time.GetUtcNow())
            : Answers.WriteAsync(context, 200, obj);
    }

    private async Task CreateAsync(HttpContext context, ApiRequest request)
    {
        var kind = request.Kind!;
        if (request.Name.Length > 0 || (kind.Namespaced && request.Namespace.Length == 0)) throw ApiError.MethodNotAllowed();
        var obj = await RequestBody.ReadObjectAsync(context, kind);
        if (kind.Namespaced && obj.Text("metadata", "namespace") is { Length: > 0 } ns && ns != request.Namespace)
            throw ApiError.BadRequest($"the namespace of the provided object does not match the namespace sent on the request");
        NodeAuthorization.CheckCreate(context.Features.Get<User>()!, kind, obj);
        var created = await registry.CreateAsync(kind, request.Namespace, obj, RequestQuery.DryRun(context), context.RequestAborted);
        await Answers.WriteAsync(context, 201, created);
    }

    private async Task UpdateAsync(HttpContext context, ApiRequest request, UpdateScope scope)
    {
        var kind = request.Kind!;
        if (request.Name.Length == 0) throw ApiError.MethodNotAllowed();
        var obj = await RequestBody.ReadObjectAsync(context, kind);
        if (obj.Text("metadata", "name") is { Length: > 0 } name && name != request.Name)
            throw ApiError.BadRequest($"the name of the object ({name}) does not match the name on the URL ({request.Name})");
        var written = await registry.UpdateAsync(
            kind, request.Namespace, request.Name, scope, _ => (JsonObject)obj.DeepClone(), null, RequestQuery.DryRun(context), context.RequestAborted);
        await Answers.WriteAsync(context, 200, written);
    }

    private async Task PatchAsync(HttpContext context, ApiRequest request, UpdateScope scope)
    {
        var kind = request.Kind!;
        if (request.Name.Length == 0) throw ApiError.MethodNotAllowed();
        var apply = ReadPatch(RequestBody.MediaType(context), await RequestBody.ReadAsync(context), kind.Schema);
        var written = await registry.UpdateAsync(
            kind, request.Namespace, request.Name, scope,
            current => Redecode(apply(current), kind, context),
            null, RequestQuery.DryRun(context), context.RequestAborted);
        await Answers.WriteAsync(context, 200, written);
    }

    /// <summary>Answers a function that applies the patch to an object's tree.</summary>
    private static Func<JsonObject, JsonObject> ReadPatch(string mediaType, byte[] body, SchemaType schema)
    {
        const string Supported = "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json";
        if (mediaType == "application/apply-patch+yaml") throw ApiError.UnsupportedMediaType(mediaType, Supported);
        var patch = RequestBody.ParseJson(body);
        return mediaType switch
        {
            "application/json-patch+json" when patch is JsonArray operations => current => Guard(() => JsonPatch.Apply(current, operations)),
            "application/merge-patch+json" when patch is JsonObject => current => (JsonObject)MergePatch.Apply(current, patch)!,
            "application/strategic-merge-patch+json" when patch is JsonObject changes => current => Guard(() => StrategicMergePatch.Apply(current, changes, schema)),
            "application/json-patch+json" or "application/merge-patch+json" or "application/strategic-merge-patch+json" =>
                throw ApiError.BadRequest("the body is not a patch of its content type"),
            _ => throw ApiError.UnsupportedMediaType(mediaType, Supported),
        };
    }

    private static JsonObject Guard(Func<JsonObject> apply)
    {
        try
        {
            return apply();
        }
        catch (PatchException e)
        {
            throw e.Unprocessable ? new ApiError(422, "Invalid", e.Message) : ApiError.BadRequest(e.Message);
        }
    }

    /// <summary>Reads the patched tree as the kind: wrong types are refused, unknown fields told of, nulls dropped.</summary>
    private static JsonObject Redecode(JsonObject tree, Kind kind, HttpContext context) =>
        RequestBody.Decode(System.Text.Encoding.UTF8.GetBytes(tree.ToJsonString()), kind.Name, kind.ApiVersion, kind.Schema, context);

    private async Task DeleteAsync(HttpContext context, ApiRequest request)
    {
        var deletion = await ReadDeletionAsync(context);
        var (obj, gone) = await registry.DeleteAsync(request.Kind!, request.Namespace, request.Name, deletion, context.RequestAborted);
        if (gone) await Answers.WriteAsync(context, 200, Answers.Deleted(request.Kind!, obj));
        else await Answers.WriteAsync(context, 200, obj);
    }

    private async Task DeleteCollectionAsync(HttpContext context, ApiRequest request)
    {
        var deletion = await ReadDeletionAsync(context);
        var selection = RequestQuery.Selection(context, request.Kind!, request.Namespace);
        foreach (var obj in registry.Cache[request.Kind!].Objects.Values.Where(selection.Matches))
        {
            try
            {
                await registry.DeleteAsync(request.Kind!, obj.Namespace, obj.Name, deletion, context.RequestAborted);
            }
            catch (ApiError e) when (e.Code == 404)
            {
                // Somebody else deleted it meanwhile, which is what was asked for.
            }
        }
        await Answers.WriteAsync(context, 200, Answers.Success());
    }

    private static async Task<Deletion> ReadDeletionAsync(HttpContext context)
    {
        var options = await RequestBody.ReadObjectAsync(context, "DeleteOptions", "V1DeleteOptions");
        var query = context.Request.Query;
        var propagation = options.Text("propagationPolicy") ?? query["propagationPolicy"].ToString();
        if (options.Flag("orphanDependents") == true || RequestQuery.IsTrue(context, "orphanDependents")) propagation = "Orphan";
        if (propagation is not ("" or "Orphan" or "Foreground" or "Background"))
            throw ApiError.BadRequest($"invalid propagationPolicy \"{propagation}\": supported values: \"Foreground\", \"Background\", \"Orphan\"");
        var grace = options.Number("gracePeriodSeconds") ?? RequestQuery.Number(context, "gracePeriodSeconds");
        return new Deletion(
            grace is < 0 ? 1 : grace, propagation.Length == 0 ? null : propagation,
            options.Text("preconditions", "uid"), options.Text("preconditions", "resourceVersion"),
            RequestQuery.DryRun(context) || options.Texts("dryRun").Contains("All"));
    }
}
