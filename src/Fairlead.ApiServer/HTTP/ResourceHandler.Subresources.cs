using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Printing;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Resources.Schema;
using Fairlead.ApiServer.Security;
using Fairlead.ApiServer.Watch;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.HTTP;

internal sealed partial class ResourceHandler
{
    private Task HandleSubresourceAsync(HttpContext context, ApiRequest request)
    {
        if (request.Kind!.Group == CertificateGuard.Group && request.Verb != "get")
            certificates.Check(UserOf(context), request.Kind, registry.Get(request.Kind, "", request.Name).ToTree(), request.Subresource == "status" ? "sign" : "approve");
        return ServeSubresourceAsync(context, request);
    }

    private Task ServeSubresourceAsync(HttpContext context, ApiRequest request) => (request.Kind!.Plural, request.Subresource, request.Verb) switch
    {
        (_, "status", "get") when request.Kind.HasStatus => GetAsync(context, request),
        (_, "status", "update") when request.Kind.HasStatus => UpdateAsync(context, request, UpdateScope.Status),
        (_, "status", "patch") when request.Kind.HasStatus => PatchAsync(context, request, UpdateScope.Status),
        (_, "scale", "get") when request.Kind.HasScale => GetScaleAsync(context, request),
        (_, "scale", "update" or "patch") when request.Kind.HasScale => WriteScaleAsync(context, request),
        ("namespaces", "finalize", "update") => FinalizeAsync(context, request),
        ("pods", "binding", "create") => BindAsync(context, request),
        ("pods", "eviction", "create") => EvictAsync(context, request),
        ("pods", "ephemeralcontainers", "get") => GetAsync(context, request),
        ("pods", "ephemeralcontainers", "update") => UpdateAsync(context, request, UpdateScope.EphemeralContainers),
        ("pods", "ephemeralcontainers", "patch") => PatchAsync(context, request, UpdateScope.EphemeralContainers),
        ("certificatesigningrequests", "approval", "get") => GetAsync(context, request),
        ("certificatesigningrequests", "approval", "update") => UpdateAsync(context, request, UpdateScope.Approval),
        ("certificatesigningrequests", "approval", "patch") => PatchAsync(context, request, UpdateScope.Approval),
        _ => throw ApiError.NoSuchPath(),
    };

    private Task GetScaleAsync(HttpContext context, ApiRequest request) =>
        Answers.WriteAsync(context, 200, ScaleOf(registry.Get(request.Kind!.Stored, request.Namespace, request.Name).ToTree()));

    private async Task WriteScaleAsync(HttpContext context, ApiRequest request)
    {
        var kind = request.Kind!.Stored;
        var schema = SchemaTable.Get("V1Scale");
        var patch = request.Verb == "patch" ? ReadPatch(RequestBody.MediaType(context), await RequestBody.ReadAsync(context), schema) : null;
        var wanted = patch is null ? await RequestBody.ReadObjectAsync(context, "Scale", "V1Scale") : [];
        var written = await registry.UpdateAsync(
            kind, request.Namespace, request.Name, UpdateScope.Object,
            current =>
            {
                var before = ScaleOf(current);
                var scale = patch is null ? wanted : patch(before);
                var replicas = scale.Number("spec", "replicas") ?? 0;
                if (replicas < 0) throw InvalidScale(request.Name, replicas);
                current.Child("spec")["replicas"] = replicas;
                // kubectl scale --resource-version states what it expects.
                if (scale.Text("metadata", "resourceVersion") is { Length: > 0 } version) current.Child("metadata")["resourceVersion"] = version;
                else current.Child("metadata").Remove("resourceVersion");
                return current;
            },
            null, RequestQuery.Write(context, request.Subresource), context.RequestAborted);
        await Answers.WriteAsync(context, 200, ScaleOf(written.ToTree()));
    }

    private static JsonObject ScaleOf(JsonObject obj)
    {
        var metadata = new JsonObject();
        foreach (var name in (ReadOnlySpan<string>)["name", "namespace", "uid", "resourceVersion", "creationTimestamp"])
        {
            if (obj.At("metadata", name) is { } value) metadata[name] = value.DeepClone();
        }
        using var selector = JsonDocument.Parse(obj.Object("spec", "selector")?.ToJsonString() ?? "{}");
        return new JsonObject
        {
            ["kind"] = "Scale",
            ["apiVersion"] = "autoscaling/v1",
            ["metadata"] = metadata,
            ["spec"] = new JsonObject { ["replicas"] = obj.Number("spec", "replicas") ?? 0 },
            ["status"] = new JsonObject
            {
                ["replicas"] = obj.Number("status", "replicas") ?? 0,
                ["selector"] = SelectorText.Query(selector.RootElement),
            },
        };
    }

    private static ApiError InvalidScale(string name, long replicas)
    {
        var errors = new FieldErrors();
        errors.Invalid("spec.replicas", replicas, "must be greater than or equal to 0");
        return ApiError.Invalid(new Kind("autoscaling", "v1", "Scale", "scales", true, "V1Scale"), name, errors);
    }

    /// <summary>Takes the finalizers out of a Namespace's spec; the last one gone, the Namespace goes.</summary>
    private async Task FinalizeAsync(HttpContext context, ApiRequest request)
    {
        var body = await RequestBody.ReadObjectAsync(context, request.Kind!);
        var written = await registry.UpdateAsync(
            request.Kind!, "", request.Name, UpdateScope.Internal,
            current =>
            {
                if (body.At("spec", "finalizers") is { } left) current.Child("spec")["finalizers"] = left.DeepClone();
                else current.Child("spec").Remove("finalizers");
                return current;
            },
            null, RequestQuery.Write(context, request.Subresource), context.RequestAborted);
        await Answers.WriteAsync(context, 200, written);
    }
}
