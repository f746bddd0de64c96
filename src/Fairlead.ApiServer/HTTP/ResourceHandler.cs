using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Metrics;
using Fairlead.ApiServer.Patch;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Resources.Schema;
using Fairlead.ApiServer.Security;
using Fairlead.ApiServer.Security.Audit;
using Fairlead.ApiServer.Security.Rbac;
using Fairlead.ApiServer.Watch;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Fairlead.ApiServer.HTTP;

/// <summary>The verbs on resources, the same for every kind.</summary>
internal sealed partial class ResourceHandler(Registry registry, Authorization authorization, RbacEscalation escalation, CertificateGuard certificates, WatchTerminations terminations, ILogger log, TimeProvider time)
{
    public Task HandleAsync(HttpContext context, ApiRequest request)
    {
        AcceptedForms.Check(context);
        if (request.Verb is "create" or "update" or "patch") RequestQuery.CheckWriteOptions(context, RequestBody.MediaType(context) == ApplyPatch);
        if (request.Subresource.Length > 0) return HandleSubresourceAsync(context, request);
        if (request.Kind!.Verbs is { } verbs && !verbs.Contains(request.Verb)) throw ApiError.MethodNotAllowed();
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
        if (RequestQuery.Number(context, "resourceVersion") is { } version && version > registry.Cache.Revision) throw ApiError.TooLargeVersion(version, registry.Cache.Revision);
        var obj = registry.Get(request.Kind!.Stored, request.Namespace, request.Name);
        return WantsTable(context)
            ? TableAnswer.WriteAsync(context, request.Kind, [obj], HeadOf(obj.Revision, null, 0), time.GetUtcNow())
            : AnswerAsync(context, 200, request.Kind, obj);
    }

    private async Task CreateAsync(HttpContext context, ApiRequest request)
    {
        var kind = request.Kind!;
        if (request.Name.Length > 0 || (kind.Namespaced && request.Namespace.Length == 0)) throw ApiError.MethodNotAllowed();
        var obj = ToStored(await RequestBody.ReadObjectAsync(context, kind), kind);
        if (kind.Namespaced && obj.Text("metadata", "namespace") is { Length: > 0 } ns && ns != request.Namespace)
            throw ApiError.BadRequest($"the namespace of the provided object does not match the namespace sent on the request");
        await CreateAsync(context, request, obj);
    }

    private async Task CreateAsync(HttpContext context, ApiRequest request, JsonObject obj)
    {
        var kind = request.Kind!;
        NodeAuthorization.CheckCreate(UserOf(context), kind, obj);
        CertificateGuard.Stamp(UserOf(context), kind, obj);
        escalation.Check(UserOf(context), kind, request.Namespace, obj);
        CheckVersion(kind, obj, null);
        var created = await registry.CreateAsync(kind.Stored, request.Namespace, obj, RequestQuery.Write(context, ""), context.RequestAborted);
        await AnswerAsync(context, 201, kind, created);
    }

    /// <summary>What the version of the kind in which a client writes demands of it.</summary>
    private static void CheckVersion(Kind kind, JsonObject obj, JsonObject? old)
    {
        if (kind.Conversion is null) return;
        var errors = new FieldErrors();
        kind.Conversion.Validate(obj, old, errors);
        if (errors.Any) throw ApiError.Invalid(kind, obj.Text("metadata", "name") ?? "", errors);
    }

    private static User UserOf(HttpContext context) => context.Features.Get<User>()!;

    private static JsonObject ToStored(JsonObject obj, Kind kind) => kind.Conversion is { } conversion ? conversion.ToStored(obj, kind) : obj;

    private static JsonObject FromStored(JsonObject obj, Kind kind) => kind.Conversion is { } conversion ? conversion.FromStored(obj, kind) : obj;

    private static Task AnswerAsync(HttpContext context, int code, Kind kind, StoredObject obj) =>
        Answers.WriteAsync(context, code, ObjectForm.Of(context, kind).Show(obj));

    private async Task UpdateAsync(HttpContext context, ApiRequest request, UpdateScope scope)
    {
        var kind = request.Kind!;
        if (request.Name.Length == 0) throw ApiError.MethodNotAllowed();
        var obj = ToStored(await RequestBody.ReadObjectAsync(context, kind), kind);
        if (obj.Text("metadata", "name") is not { Length: > 0 })
            throw ApiError.BadRequest($"the name of the object ({request.Name} based on URL) was undeterminable: name must be provided");
        CheckName(obj, request);
        escalation.Check(UserOf(context), kind, request.Namespace, obj);
        if (scope == UpdateScope.Object && kind.Stored.IsMadeByUpdate && registry.Cache.Find(kind.Stored, kind.Stored.Key(request.Namespace, request.Name)) is null)
        {
            CheckMayCreate(context, request);
            await CreateAsync(context, request, obj);
            return;
        }
        var written = await registry.UpdateAsync(
            kind.Stored, request.Namespace, request.Name, scope, old => Replace(kind, obj, old), null, RequestQuery.Write(context, request.Subresource), context.RequestAborted);
        await AnswerAsync(context, 200, kind, written);
    }

    private static JsonObject Replace(Kind kind, JsonObject wanted, JsonObject old)
    {
        CheckVersion(kind, wanted, old);
        if (!kind.UpdatesNeedVersion || wanted.Text("metadata", "resourceVersion") is { Length: > 0 }) return (JsonObject)wanted.DeepClone();
        var errors = new FieldErrors();
        errors.Add("metadata.resourceVersion", "FieldValueInvalid", "Invalid value", "0x0: must be specified for an update");
        throw ApiError.Invalid(kind, old.Text("metadata", "name")!, errors);
    }

    /// <summary>Whoever may change objects may not for that reason make them.</summary>
    private void CheckMayCreate(HttpContext context, ApiRequest request)
    {
        var creation = request with { Verb = "create" };
        if (!authorization.Allows(UserOf(context), creation, "")) throw ApiHandler.Forbidden(UserOf(context), creation);
    }

    /// <summary>An object is where its path says.</summary>
    private static void CheckName(JsonObject obj, ApiRequest request)
    {
        if (obj.Text("metadata", "name") is { Length: > 0 } name && name != request.Name)
            throw ApiError.BadRequest($"the name of the object ({name}) does not match the name on the URL ({request.Name})");
        if (request.Kind!.Namespaced && obj.Text("metadata", "namespace") is { Length: > 0 } ns && ns != request.Namespace)
            throw ApiError.BadRequest($"the namespace of the object ({ns}) does not match the namespace on the URL ({request.Namespace})");
    }

    private async Task PatchAsync(HttpContext context, ApiRequest request, UpdateScope scope)
    {
        var kind = request.Kind!;
        if (request.Name.Length == 0) throw ApiError.MethodNotAllowed();
        if (RequestBody.MediaType(context) == ApplyPatch)
        {
            await ApplyAsync(context, request, scope);
            return;
        }
        var body = await RequestBody.ReadAsync(context);
        AuditTrail.Of(context)?.Asked(body);
        var apply = ReadPatch(RequestBody.MediaType(context), body, kind.Schema);
        var written = await registry.UpdateAsync(
            kind.Stored, request.Namespace, request.Name, scope,
            current =>
            {
                var patched = ToStored(Redecode(apply(FromStored((JsonObject)current.DeepClone(), kind)), kind, context), kind);
                CheckName(patched, request);
                escalation.Check(UserOf(context), kind, request.Namespace, patched);
                CheckVersion(kind, patched, current);
                return patched;
            },
            null, RequestQuery.Write(context, request.Subresource), context.RequestAborted);
        await AnswerAsync(context, 200, kind, written);
    }

    /// <summary>Answers a function that applies the patch to an object's tree.</summary>
    private static Func<JsonObject, JsonObject> ReadPatch(string mediaType, byte[] body, SchemaType schema)
    {
        const string Supported = "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, " + ApplyPatch;
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
        RequestBody.Decode(System.Text.Encoding.UTF8.GetBytes(tree.ToJsonString()), kind.Name, kind.ApiVersion, kind.Schema, context, isPatched: true);

    private async Task DeleteAsync(HttpContext context, ApiRequest request)
    {
        var deletion = await ReadDeletionAsync(context);
        var (obj, gone) = await registry.DeleteAsync(request.Kind!.Stored, request.Namespace, request.Name, deletion, context.RequestAborted);
        if (gone && !request.Kind!.Stored.ShowsDeleted) await Answers.WriteAsync(context, 200, Answers.Deleted(request.Kind!, obj));
        else await AnswerAsync(context, 200, request.Kind!, obj);
    }

    private async Task DeleteCollectionAsync(HttpContext context, ApiRequest request)
    {
        var deletion = await ReadDeletionAsync(context);
        var selection = RequestQuery.Selection(context, request.Kind!, request.Namespace);
        var kind = request.Kind!.Stored;
        var (objects, revision) = registry.Cache.Snapshot(kind);
        var deleted = objects.Values.Where(selection.Matches).ToList();
        foreach (var obj in deleted)
        {
            try
            {
                await registry.DeleteAsync(kind, obj.Namespace, obj.Name, deletion, context.RequestAborted);
            }
            catch (ApiError e) when (e.Code == 404)
            {
                // Somebody else deleted it meanwhile, which is what was asked for.
            }
        }
        await WriteListAsync(context, request.Kind!, deleted, revision, null, 0);
    }

    private static async Task<Deletion> ReadDeletionAsync(HttpContext context)
    {
        return DeletionOf(await RequestBody.ReadObjectAsync(context, "DeleteOptions", "V1DeleteOptions"), context);
    }

    private static Deletion DeletionOf(JsonObject options, HttpContext context)
    {
        var query = context.Request.Query;
        var propagation = options.Text("propagationPolicy") ?? query.First("propagationPolicy");
        var orphans = options.Flag("orphanDependents") ?? (query.First("orphanDependents").Length > 0 ? RequestQuery.IsTrue(context, "orphanDependents") : null);
        if (propagation is not ("" or "Orphan" or "Foreground" or "Background"))
            throw RequestQuery.Wrong(context, errors => errors.NotSupported("propagationPolicy", propagation, "Foreground", "Background", "Orphan"));
        if (propagation.Length > 0 && orphans is not null)
            throw RequestQuery.Wrong(context, errors => errors.Invalid("propagationPolicy", propagation, "orphanDependents and deletionPropagation cannot be both set"));
        if (orphans is { } orphan) propagation = orphan ? "Orphan" : "Background";
        if (options.Texts("dryRun").FirstOrDefault(value => value != "All") is { } wrong)
            throw RequestQuery.Wrong(context, errors => errors.NotSupported("dryRun", wrong, "All"));
        var grace = options.Number("gracePeriodSeconds") ?? RequestQuery.Number(context, "gracePeriodSeconds");
        return new Deletion(
            grace is < 0 ? 1 : grace, propagation.Length == 0 ? null : propagation,
            options.Text("preconditions", "uid"), options.Text("preconditions", "resourceVersion"),
            RequestQuery.DryRun(context) || options.Texts("dryRun").Contains("All"));
    }
}
