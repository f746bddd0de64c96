using System.Globalization;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources.Schema;
using Fairlead.ApiServer.Storage;
using Fairlead.ApiServer.Watch;

namespace Fairlead.ApiServer.Resources;

/// <summary>Which part of an object a write may change.</summary>
internal enum UpdateScope
{
    /// <summary>All but the status.</summary>
    Object,
    Status,
    /// <summary>The change is the server's own (binding, finalize): nothing is put back.</summary>
    Internal,
}

/// <summary>
/// Writes objects by the rules of their kinds. Each write is compare-and-swap on the revision that it started from and is
/// tried again where somebody else was faster, unless the client named the revision it expects.
/// </summary>
internal sealed partial class Registry(ObjectCache cache, IStore store, KindTable kinds, TimeProvider time)
{
    private const int MostAttempts = 100;
    private const int MostNameAttempts = 8;
    private const string NameAlphabet = "bcdfghjklmnpqrstvwxz2456789";

    public ObjectCache Cache => cache;

    public KindTable Kinds => kinds;

    public StoredObject Get(Kind kind, string ns, string name) =>
        cache.Find(kind, kind.Key(ns, name)) ?? throw ApiError.NotFound(kind, name);

    public async Task<StoredObject> CreateAsync(Kind kind, string ns, JsonObject obj, bool dryRun, CancellationToken cancel)
    {
        CheckNamespace(kind, ns);
        var generated = obj.Text("metadata", "name") is not { Length: > 0 };
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var candidate = generated ? (JsonObject)obj.DeepClone() : obj;
                return await CreateOnceAsync(kind, ns, candidate, dryRun, cancel);
            }
            catch (ApiError e) when (generated && e.Reason == "AlreadyExists" && attempt < MostNameAttempts)
            {
            }
        }
    }

    /// <summary>Changes an object, or one part of it. <paramref name="change"/> gets a tree of its own and answers the new one.</summary>
    /// <param name="expected">The revision that the client expects, or null: whatever is there.</param>
    public async Task<StoredObject> UpdateAsync(
        Kind kind, string ns, string name, UpdateScope scope, Func<JsonObject, JsonObject> change, long? expected, bool dryRun, CancellationToken cancel)
    {
        for (var attempt = 1; attempt <= MostAttempts; attempt++)
        {
            var current = Get(kind, ns, name);
            var old = current.ToTree();
            var obj = change((JsonObject)old.DeepClone());
            var wanted = expected ?? ExpectedRevision(kind, obj, name, scope);
            if (wanted is { } revision && revision != current.Revision) throw ApiError.Modified(kind, name);
            if (await TryUpdateAsync(kind, current, obj, old, scope, dryRun, cancel) is { } written) return written;
            // Somebody was faster. The next attempt finds out whether this client minds: a revision that it named no longer holds.
        }
        throw ApiError.Modified(kind, name);
    }

    private async Task<StoredObject> CreateOnceAsync(Kind kind, string ns, JsonObject obj, bool dryRun, CancellationToken cancel)
    {
        var name = CompleteMetadata(kind, ns, obj);
        kind.Strategy.PrepareForCreate(obj);
        kind.Strategy.Default(obj);
        var errors = new FieldErrors();
        MetadataRules.Validate(kind, obj, errors);
        kind.Strategy.Validate(obj, errors);
        if (errors.Any) throw ApiError.Invalid(kind, name, errors);
        var key = kind.Key(ns, name);
        if (cache.Find(kind, key) is not null) throw ApiError.AlreadyExists(kind, name);
        var reservation = kind.Strategy.Reserve(obj, null, errors);
        if (errors.Any) throw ApiError.Invalid(kind, name, errors);
        var written = false;
        try
        {
            var value = StoredObject.Write(obj);
            if (dryRun) return StoredObject.Read(kind, key, value, 0);
            var result = await store.WriteAsync(new StoreWrite(key, value, 0), cancel);
            written = result.Written;
            return written ? StoredObject.Read(kind, key, value, result.Revision) : throw ApiError.AlreadyExists(kind, name);
        }
        finally
        {
            if (!written) reservation?.Cancel();
        }
    }

    /// <summary>Answers null where somebody else changed the object meanwhile.</summary>
    private async Task<StoredObject?> TryUpdateAsync(
        Kind kind, StoredObject current, JsonObject obj, JsonObject old, UpdateScope scope, bool dryRun, CancellationToken cancel)
    {
        MetadataRules.KeepSystemFields(kind, obj, old);
        if (scope == UpdateScope.Status) kind.Strategy.PrepareForStatusUpdate(obj, old);
        if (scope == UpdateScope.Object) kind.Strategy.PrepareForUpdate(obj, old);
        kind.Strategy.Default(obj);
        if (kind.HasGeneration) MetadataRules.CountGeneration(obj, old);
        var errors = new FieldErrors();
        MetadataRules.Validate(kind, obj, errors);
        if (scope == UpdateScope.Object)
        {
            kind.Strategy.Validate(obj, errors);
            kind.Strategy.ValidateUpdate(obj, old, errors);
        }
        if (errors.Any) throw ApiError.Invalid(kind, current.Name, errors);
        var reservation = scope == UpdateScope.Object ? kind.Strategy.Reserve(obj, old, errors) : null;
        if (errors.Any) throw ApiError.Invalid(kind, current.Name, errors);
        var written = false;
        try
        {
            var value = StoredObject.Write(obj);
            if (value.AsSpan().SequenceEqual(StoredObject.Write(old))) return current;
            var finished = IsDeleted(kind, obj);
            if (dryRun) return StoredObject.Read(kind, current.Key, value, current.Revision);
            var result = await store.WriteAsync(new StoreWrite(current.Key, finished ? null : value, current.Revision), cancel);
            written = result.Written && !finished;
            return result.Written ? StoredObject.Read(kind, current.Key, value, result.Revision) : null;
        }
        finally
        {
            if (!written) reservation?.Cancel();
        }
    }

    private void CheckNamespace(Kind kind, string ns)
    {
        if (!kind.Namespaced) return;
        var found = cache.Find(kinds.Namespaces, kinds.Namespaces.Key("", ns)) ?? throw ApiError.NotFound(kinds.Namespaces, ns);
        if (found.Fields.GetValueOrDefault("status.phase") != "Terminating") return;
        throw new ApiError(403, "Forbidden", $"{kind.QualifiedPlural} is forbidden: unable to create new content in namespace {ns} because it is being terminated", new JsonObject
        {
            ["kind"] = kind.Plural,
            ["causes"] = new JsonArray(new JsonObject
            {
                ["reason"] = "NamespaceTerminating", ["message"] = $"namespace {ns} is being terminated", ["field"] = "metadata.namespace",
            }),
        });
    }

    private string CompleteMetadata(Kind kind, string ns, JsonObject obj)
    {
        obj["apiVersion"] = kind.ApiVersion;
        obj["kind"] = kind.Name;
        var metadata = obj.Child("metadata");
        var name = metadata.Text("name") ?? "";
        if (name.Length == 0)
        {
            var prefix = metadata.Text("generateName") ?? "";
            if (prefix.Length == 0) throw NoName(kind);
            name = prefix[..Math.Min(prefix.Length, 58)] + new string(Random.Shared.GetItems<char>(NameAlphabet, 5));
            metadata["name"] = name;
        }
        if (kind.Namespaced) metadata["namespace"] = ns;
        else metadata.Remove("namespace");
        metadata["uid"] = Guid.NewGuid().ToString();
        metadata["creationTimestamp"] = Now();
        foreach (var system in (ReadOnlySpan<string>)["resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation", "managedFields"]) metadata.Remove(system);
        if (kind.HasGeneration) metadata["generation"] = 1;
        return name;
    }

    private static ApiError NoName(Kind kind)
    {
        var errors = new FieldErrors();
        errors.Required("metadata.name", "name or generateName is required");
        return ApiError.Invalid(kind, "", errors);
    }

    private static long? ExpectedRevision(Kind kind, JsonObject obj, string name, UpdateScope scope)
    {
        if (scope == UpdateScope.Internal || obj.Text("metadata", "resourceVersion") is not { Length: > 0 } text) return null;
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var revision)) return revision == 0 ? null : revision;
        var errors = new FieldErrors();
        errors.Invalid("metadata.resourceVersion", text, "must be an integer");
        throw ApiError.Invalid(kind, name, errors);
    }

    private string Now() => Timestamp.Format(time.GetUtcNow());
}
