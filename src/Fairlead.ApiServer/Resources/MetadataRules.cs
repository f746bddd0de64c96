using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources.Strategies;

namespace Fairlead.ApiServer.Resources;

/// <summary>What holds for metadata of every kind.</summary>
internal static class MetadataRules
{
    private const int LargestAnnotations = 256 * 1024;
    private static readonly string[] StandardFinalizers = ["kubernetes", "orphan", "foregroundDeletion"];
    private static readonly string[] SystemFields =
        ["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "namespace", "generateName"];

    public static void Validate(Kind kind, JsonObject obj, FieldErrors errors)
    {
        var metadata = obj.Child("metadata");
        var name = metadata.Text("name") ?? "";
        if (kind.Strategy.CheckName(name) is { } wrong) errors.Invalid("metadata.name", name, wrong);
        LabelRules.Check(metadata.Object("labels"), "metadata.labels", errors);
        var size = 0;
        foreach (var (key, value) in metadata.Object("annotations") ?? [])
        {
            if (NameRules.QualifiedName(key.ToLowerInvariant()) is { } wrongKey) errors.Invalid("metadata.annotations", key, wrongKey);
            size += key.Length + (value.Text()?.Length ?? 0);
        }
        if (size > LargestAnnotations) errors.TooLong("metadata.annotations", LargestAnnotations);
        foreach (var (i, owner) in metadata.Items("ownerReferences")) ValidateOwner(owner, $"metadata.ownerReferences[{i}]", errors);
        foreach (var (finalizer, i) in metadata.Texts("finalizers").Select((finalizer, i) => (finalizer, i)))
        {
            if (NameRules.QualifiedName(finalizer) is { } no) errors.Invalid($"metadata.finalizers[{i}]", finalizer, no);
            else if (!finalizer.Contains('/', StringComparison.Ordinal) && !StandardFinalizers.Contains(finalizer))
                errors.Invalid($"metadata.finalizers[{i}]", finalizer, "name is neither a standard finalizer name nor is it fully qualified");
        }
        if (metadata.Items("ownerReferences").Count(pair => pair.Item.Flag("controller") == true) > 1)
            errors.Invalid("metadata.ownerReferences", metadata["ownerReferences"]!.DeepClone(), "Only one reference can have Controller set to true");
    }

    /// <summary>An object on its way out gets no new finalizers.</summary>
    public static void ValidateUpdate(JsonObject obj, JsonObject old, FieldErrors errors)
    {
        if (old.Text("metadata", "deletionTimestamp") is null) return;
        var added = obj.Texts("metadata", "finalizers").Except(old.Texts("metadata", "finalizers")).ToList();
        if (added.Count > 0)
            errors.Forbidden("metadata.finalizers", $"no new finalizers can be added if the object is being deleted, found new finalizers []string{{{string.Join(", ", added.Select(name => $"\"{name}\""))}}}");
    }

    /// <summary>Puts back what only the server sets, and checks what a client may not change.</summary>
    public static void KeepSystemFields(Kind kind, JsonObject obj, JsonObject old)
    {
        obj["apiVersion"] = kind.ApiVersion;
        obj["kind"] = kind.Name;
        var metadata = obj.Child("metadata");
        var before = old.Child("metadata");
        if (metadata.Text("uid") is { Length: > 0 } uid && uid != before.Text("uid"))
            throw ApiError.Conflict(kind, before.Text("name")!, $"Precondition failed: UID in precondition: {uid}, UID in object meta: {before.Text("uid")}");
        foreach (var field in SystemFields)
        {
            if (before[field] is { } value) metadata[field] = value.DeepClone();
            else metadata.Remove(field);
        }
        metadata["name"] = before.Text("name");
        metadata.Remove("selfLink");
    }

    /// <summary>metadata.generation counts changes of anything but metadata and status.</summary>
    public static void CountGeneration(JsonObject obj, JsonObject old)
    {
        var names = obj.Select(pair => pair.Key).Union(old.Select(pair => pair.Key)).Except(["metadata", "status", "kind", "apiVersion"]);
        if (names.All(name => JsonNode.DeepEquals(obj[name], old[name]))) return;
        obj.Child("metadata")["generation"] = (old.Number("metadata", "generation") ?? 0) + 1;
    }

    private static void ValidateOwner(JsonObject owner, string field, FieldErrors errors)
    {
        foreach (var name in (ReadOnlySpan<string>)["apiVersion", "kind", "name", "uid"])
        {
            if (owner.Text(name) is not { Length: > 0 }) errors.Invalid($"{field}.{name}", owner.Text(name) ?? "", "must not be empty");
        }
        // Events go by themselves, and would take with them what they own.
        if (owner.Text("kind") == "Event" && owner.Text("apiVersion") is "v1" or "events.k8s.io/v1")
            errors.Invalid(field, owner.DeepClone(), $"{owner.Text("apiVersion")}, Kind=Event is disallowed from being an owner");
    }
}
