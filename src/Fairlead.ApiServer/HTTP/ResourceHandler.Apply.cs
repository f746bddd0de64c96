using System.Text;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Patch.Apply;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Resources.Schema;
using Fairlead.ApiServer.Security;
using Fairlead.ApiServer.Security.Audit;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.HTTP;

internal sealed partial class ResourceHandler
{
    private const string ApplyPatch = "application/apply-patch+yaml";

    /// <summary>Server-side apply: makes the object where there is none.</summary>
    private async Task ApplyAsync(HttpContext context, ApiRequest request, UpdateScope scope)
    {
        var kind = request.Kind!;
        var options = RequestQuery.Write(context, request.Subresource, FieldManager.Apply);
        var force = RequestQuery.IsTrue(context, "force");
        var config = await ReadAppliedAsync(context, request, scope);
        escalation.Check(UserOf(context), kind, request.Namespace, config);
        while (true)
        {
            if (registry.Cache.Find(kind.Stored, kind.Stored.Key(request.Namespace, request.Name)) is null)
            {
                if (scope != UpdateScope.Object) throw ApiError.NotFound(kind, request.Name);
                CheckMayCreate(context, request);
                try
                {
                    var made = ServerSideApply.Apply(null, (JsonObject)config.DeepClone(), options.Manager, force, kind.Stored, Timestamp.Format(time.GetUtcNow()));
                    NodeAuthorization.CheckCreate(UserOf(context), kind, made);
                    CertificateGuard.Stamp(UserOf(context), kind, made);
                    await AnswerAsync(context, 201, kind, await registry.CreateAsync(kind.Stored, request.Namespace, made, options, context.RequestAborted));
                    return;
                }
                catch (ApiError e) when (e.Reason == "AlreadyExists")
                {
                    // Somebody else made it meanwhile: then it is changed.
                    continue;
                }
            }
            var written = await registry.UpdateAsync(
                kind.Stored, request.Namespace, request.Name, scope,
                current => ServerSideApply.Apply(current, (JsonObject)config.DeepClone(), options.Manager, force, kind.Stored, Timestamp.Format(time.GetUtcNow())),
                null, options, context.RequestAborted);
            await AnswerAsync(context, 200, kind, written);
            return;
        }
    }

    /// <summary>The applied configuration as the stored kind, with that part alone which the request may write.</summary>
    private static async Task<JsonObject> ReadAppliedAsync(HttpContext context, ApiRequest request, UpdateScope scope)
    {
        var kind = request.Kind!;
        if (YamlBody.Read(await RequestBody.ReadAsync(context)) is not JsonObject body) throw ApiError.BadRequest("the body is no object");
        AuditTrail.Of(context)?.Asked(Encoding.UTF8.GetBytes(body.ToText()));
        if (body.Text("apiVersion") != kind.ApiVersion || body.Text("kind") != kind.Name)
            throw ApiError.BadRequest($"the applied object is {body.Text("apiVersion")} {body.Text("kind")}; this is the path of {kind.ApiVersion} {kind.Name}");
        if (body.Array("metadata", "managedFields") is { Count: > 0 }) throw ApiError.BadRequest("metadata.managedFields must be nil");
        if (body.Text("metadata", "name") is { Length: > 0 } name && name != request.Name)
            throw ApiError.BadRequest($"the name of the object ({name}) does not match the name on the URL ({request.Name})");
        var config = ToStored(RequestBody.Decode(Encoding.UTF8.GetBytes(body.ToJsonString()), kind.Name, kind.ApiVersion, kind.Schema, context), kind);
        config.Child("metadata")["name"] = request.Name;
        if (scope == UpdateScope.Object && kind.HasStatus) config.Remove("status");
        if (scope == UpdateScope.Object) return config;
        foreach (var field in config.Select(pair => pair.Key).Where(field => field is not ("apiVersion" or "kind" or "metadata" or "status")).ToList()) config.Remove(field);
        config["metadata"] = new JsonObject { ["name"] = request.Name };
        return config;
    }
}
