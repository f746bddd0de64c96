using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Resources.Strategies;

internal sealed class ConfigMapStrategy : KindStrategy
{
    private const int Largest = 1024 * 1024;

    public override void Validate(JsonObject obj, FieldErrors errors)
    {
        DataRules.CheckKeys(obj, errors, "data", "binaryData");
        foreach (var (key, _) in obj.Object("data") ?? [])
        {
            if (obj.At("binaryData", key) is not null) errors.Invalid($"data[{key}]", key, "duplicate of key present in binaryData");
        }
        if (DataRules.Size(obj, "data", "binaryData") > Largest) errors.TooLong("", Largest);
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, FieldErrors errors) =>
        DataRules.CheckImmutable(obj, old, errors, "data", "binaryData");
}

internal sealed class SecretStrategy : KindStrategy
{
    private const int Largest = 1024 * 1024;

    public override void Default(JsonObject obj)
    {
        obj.SetDefault("type", "Opaque");
        if (obj.Object("stringData") is not { } texts) return;
        var data = obj.Child("data");
        foreach (var (key, value) in texts)
            data[key] = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(value.Text() ?? ""));
        obj.Remove("stringData");
    }

    public override void Validate(JsonObject obj, FieldErrors errors)
    {
        DataRules.CheckKeys(obj, errors, "data");
        if (DataRules.Size(obj, "data") > Largest) errors.TooLong("data", Largest);
        foreach (var key in RequiredKeys(obj.Text("type")))
        {
            if (obj.At("data", key) is null) errors.Required($"data[{key}]");
        }
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, FieldErrors errors)
    {
        if (obj.Text("type") != old.Text("type")) errors.Invalid("type", obj["type"]?.DeepClone(), "field is immutable");
        DataRules.CheckImmutable(obj, old, errors, "data");
    }

    private static string[] RequiredKeys(string? type) => type switch
    {
        "kubernetes.io/tls" => ["tls.crt", "tls.key"],
        "kubernetes.io/dockerconfigjson" => [".dockerconfigjson"],
        "kubernetes.io/dockercfg" => [".dockercfg"],
        "kubernetes.io/ssh-auth" => ["ssh-privatekey"],
        _ => [],
    };
}

internal sealed class EventStrategy : KindStrategy
{
    private const int Longest = 128;
    private const int LongestNote = 1024;

    public override void PrepareForCreate(JsonObject obj)
    {
    }

    public override void PrepareForUpdate(JsonObject obj, JsonObject old)
    {
    }

    public override void Validate(JsonObject obj, FieldErrors errors)
    {
        var about = obj.Text("involvedObject", "namespace") ?? "";
        var ns = obj.Text("metadata", "namespace");
        if (about.Length == 0 ? ns is not ("default" or "kube-system") : about != ns)
            errors.Invalid("involvedObject.namespace", about, "does not match event.namespace");
        if (obj.Text("eventTime") is not { Length: > 0 }) return;
        // By its time one knows an event of the newer form, which says more.
        foreach (var field in (ReadOnlySpan<string>)["reportingComponent", "reportingInstance", "action", "reason"])
        {
            if (obj.Text(field) is not { Length: > 0 } text) errors.Required(field);
            else if (text.Length > Longest) errors.Invalid(field, "", $"can have at most {Longest} characters");
        }
        if (obj.Text("message")?.Length > LongestNote) errors.Invalid("message", "", $"can have at most {LongestNote} characters");
    }
}

internal sealed class NodeStrategy : KindStrategy
{
    // A node says what it is when it registers.
    public override void PrepareForCreate(JsonObject obj)
    {
    }

    // A node writes its status; by its labels others decide what runs there.
    public override void PrepareForStatusUpdate(JsonObject obj, JsonObject old)
    {
        base.PrepareForStatusUpdate(obj, old);
        KeepMetadata(obj, old);
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, FieldErrors errors)
    {
        if (old.Text("spec", "podCIDR") is { } cidr && obj.Text("spec", "podCIDR") != cidr)
            errors.Forbidden("spec.podCIDRs", "node updates may not change podCIDR except from \"\" to valid");
    }
}

internal sealed class NamespaceStrategy : KindStrategy
{
    public override string? CheckName(string name) => NameRules.Label(name);

    public override void Default(JsonObject obj) =>
        obj.Child("metadata").Child("labels")["kubernetes.io/metadata.name"] = obj.Text("metadata", "name");

    public override void PrepareForCreate(JsonObject obj)
    {
        obj["spec"] = new JsonObject { ["finalizers"] = new JsonArray("kubernetes") };
        obj["status"] = new JsonObject { ["phase"] = "Active" };
    }

    public override void PrepareForUpdate(JsonObject obj, JsonObject old)
    {
        Keep(obj, old, "spec");
        Keep(obj, old, "status");
    }

    public override bool HoldsDeletion(JsonObject obj) => obj.Array("spec", "finalizers") is { Count: > 0 };

    /// <summary>Admission plugin NamespaceLifecycle: the cluster's own namespaces stay.</summary>
    public override void PrepareForDeletion(JsonObject obj)
    {
        if (obj.Text("metadata", "name") is ("default" or "kube-system" or "kube-public") and var name)
            throw ApiError.Forbidden("namespaces", name, "this namespace may not be deleted");
        obj.Child("status")["phase"] = "Terminating";
    }
}

/// <summary>The rules that ConfigMap and Secret share.</summary>
internal static class DataRules
{
    public static void CheckKeys(JsonObject obj, FieldErrors errors, params ReadOnlySpan<string> fields)
    {
        foreach (var field in fields)
        {
            foreach (var (key, _) in obj.Object(field) ?? [])
            {
                if (key.Length is 0 or > 253 || !key.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.') || key is "." or "..")
                    errors.Invalid($"{field}[{key}]", key, "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')");
            }
        }
    }

    public static int Size(JsonObject obj, params ReadOnlySpan<string> fields)
    {
        var size = 0;
        foreach (var field in fields)
        {
            foreach (var (_, value) in obj.Object(field) ?? []) size += value.Text()?.Length ?? 0;
        }
        return size;
    }

    public static void CheckImmutable(JsonObject obj, JsonObject old, FieldErrors errors, params ReadOnlySpan<string> fields)
    {
        if (old.Flag("immutable") != true) return;
        if (obj.Flag("immutable") != true) errors.Forbidden("immutable", "field is immutable when `immutable` is set");
        foreach (var field in fields)
        {
            if (!JsonNode.DeepEquals(obj[field], old[field])) errors.Forbidden(field, "field is immutable when `immutable` is set");
        }
    }
}
