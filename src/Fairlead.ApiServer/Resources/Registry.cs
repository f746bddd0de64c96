using System.Globalization;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Patch.Apply;
using Fairlead.ApiServer.Resources.Admission;
using Fairlead.ApiServer.Resources.Schema;
using Fairlead.ApiServer.Resources.Strategies;
using Fairlead.ApiServer.Storage;
using Fairlead.ApiServer.Watch;
using Fairlead.Kube;

namespace Fairlead.ApiServer.Resources;

/// <summary>Which part of an object a write may change.</summary>
internal enum UpdateScope
{
    /// <summary>All but the status.</summary>
    Object,
    Status,
    /// <summary>The ephemeral containers of a pod alone.</summary>
    EphemeralContainers,
    /// <summary>The conditions of a certificate signing request alone.</summary>
    Approval,
    /// <summary>The change is the server's own (binding, finalize): nothing is put back.</summary>
    Internal,
}

/// <summary>
/// Writes objects by the rules of their kinds. Each write is compare-and-swap on the revision that it started from and is
/// tried again where somebody else was faster, unless the client named the revision it expects.
/// </summary>
internal sealed partial class Registry(ObjectCache cache, IStore store, KindTable kinds, AdmissionChain admission, TimeProvider time)
{
    private const int MostAttempts = 100;
    private const int MostNameAttempts = 8;

    public ObjectCache Cache => cache;

    public KindTable Kinds => kinds;

    /// <summary>Of a key: whether a write that changes nothing of the object is to be stored all the same, because its encryption has changed.</summary>
    public Predicate<string> IsStoredOtherwise { get; init; } = static _ => false;

    public StoredObject Get(Kind kind, string ns, string name) =>
        cache.Find(kind, kind.Key(ns, name)) ?? throw ApiError.NotFound(kind, name);

    public Task<StoredObject> CreateAsync(Kind kind, string ns, JsonObject obj, WriteOptions options, CancellationToken cancel) =>
        SurelyAsync(() => CreateAnyAsync(kind, ns, obj, options, cancel), cancel);

    /// <summary>Changes an object, or one part of it. <paramref name="change"/> gets a tree of its own and answers the new one.</summary>
    /// <param name="expected">The revision that the client expects, or null: whatever is there.</param>
    public Task<StoredObject> UpdateAsync(
        Kind kind, string ns, string name, UpdateScope scope, Func<JsonObject, JsonObject> change, long? expected, WriteOptions options, CancellationToken cancel) =>
        SurelyAsync(() => UpdateAnyAsync(kind, ns, name, scope, change, expected, options, cancel), cancel);

    private async Task<StoredObject> CreateAnyAsync(Kind kind, string ns, JsonObject obj, WriteOptions options, CancellationToken cancel)
    {
        CheckNamespace(kind, ns);
        var generated = obj.Text("metadata", "name") is not { Length: > 0 };
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var candidate = generated || store.IsShared ? (JsonObject)obj.DeepClone() : obj;
                if (await TryCreateAsync(kind, ns, candidate, options, cancel) is { } created) return created;
                // Another server gave away what was chosen here; that is known by now.
                if (attempt >= MostAttempts) throw ApiError.Internal("what the object needs is claimed by another, again and again");
            }
            catch (ApiError e) when (generated && e.Reason == "AlreadyExists" && attempt < MostNameAttempts)
            {
            }
        }
    }

    private async Task<StoredObject> UpdateAnyAsync(
        Kind kind, string ns, string name, UpdateScope scope, Func<JsonObject, JsonObject> change, long? expected, WriteOptions options, CancellationToken cancel)
    {
        for (var attempt = 1; attempt <= MostAttempts; attempt++)
        {
            var current = Get(kind, ns, name);
            var old = current.ToTree();
            var obj = change((JsonObject)old.DeepClone());
            var wanted = expected ?? ExpectedRevision(kind, obj, name, scope);
            if (wanted is { } revision && revision != current.Revision) throw ApiError.Modified(kind, name);
            if (await TryUpdateAsync(kind, current, obj, old, scope, options, cancel) is { } written) return written;
            // Somebody was faster. The next attempt finds out whether this client minds: a revision that it named no longer holds.
        }
        throw ApiError.Modified(kind, name);
    }

    /// <summary>Answers null where another server claimed meanwhile what was reserved for the object.</summary>
    private async Task<StoredObject?> TryCreateAsync(Kind kind, string ns, JsonObject obj, WriteOptions options, CancellationToken cancel)
    {
        // As kube-apiserver words it, and with its code.
        if (obj.Text("metadata", "resourceVersion") is { Length: > 0 } and not "0") throw new ApiError(500, "", "resourceVersion should not be set on objects to be created");
        var name = CompleteMetadata(kind, ns, obj);
        if (options.Manager.Operation != FieldManager.Apply) obj.Child("metadata").Remove("managedFields");
        kind.Strategy.PrepareForCreate(obj);
        kind.Strategy.Default(obj);
        using var admitted = await admission.AdmitAsync(kind, obj, cancel);
        kind.Strategy.Complete(obj);
        var errors = new FieldErrors();
        MetadataRules.Validate(kind, obj, errors);
        kind.Strategy.Validate(obj, errors);
        if (errors.Any) throw ApiError.Invalid(kind, name, errors);
        var key = kind.Key(ns, name);
        if (cache.Find(kind, key) is not null) throw ApiError.AlreadyExists(kind, name);
        using var reservation = kind.Strategy.Reserve(obj, null, errors);
        if (errors.Any) throw ApiError.Invalid(kind, name, errors);
        var value = StoredObject.Write(obj);
        if (options.DryRun) return StoredObject.Unstored(kind, key, value);
        var result = await store.WriteAsync(new StoreWrite(key, value, 0) { Claims = ClaimsOf(kind, null, obj), Turn = store.IsShared ? admitted?.Turn : null }, cancel);
        if (result.Written) return StoredObject.Read(kind, key, value, result.Revision);
        // Not its name was taken but something of what it claims, or its turn. Where that was chosen here, there is more to choose from.
        return result.Revision == 0 && (reservation is not null || admitted is not null) && store.IsShared ? null : throw ApiError.AlreadyExists(kind, name);
    }

    /// <summary>Answers null where somebody else changed the object meanwhile.</summary>
    private async Task<StoredObject?> TryUpdateAsync(
        Kind kind, StoredObject current, JsonObject obj, JsonObject old, UpdateScope scope, WriteOptions options, CancellationToken cancel)
    {
        MetadataRules.KeepSystemFields(kind, obj, old);
        if (scope == UpdateScope.Status) kind.Strategy.PrepareForStatusUpdate(obj, old);
        if (scope == UpdateScope.Object) kind.Strategy.PrepareForUpdate(obj, old);
        if (scope == UpdateScope.EphemeralContainers) EphemeralContainerRules.Prepare(obj, old);
        if (scope == UpdateScope.Approval) CertificateSigningRequestStrategy.PrepareForApproval(obj, old, Now());
        kind.Strategy.Default(obj);
        if (kind.HasGeneration && scope != UpdateScope.Internal) MetadataRules.CountGeneration(obj, old);
        if (options.Manager.Operation != FieldManager.Apply) ServerSideApply.Track(obj, old, options.Manager, kind, Now());
        var errors = new FieldErrors();
        MetadataRules.Validate(kind, obj, errors);
        if (scope != UpdateScope.Internal) MetadataRules.ValidateUpdate(obj, old, errors);
        if (scope == UpdateScope.Object)
        {
            kind.Strategy.Validate(obj, errors);
            kind.Strategy.ValidateUpdate(obj, old, errors);
        }
        if (scope is UpdateScope.Status or UpdateScope.Approval) kind.Strategy.ValidateStatusUpdate(obj, old, errors);
        if (scope == UpdateScope.EphemeralContainers) EphemeralContainerRules.ValidateUpdate(obj, old, errors);
        if (errors.Any) throw ApiError.Invalid(kind, current.Name, errors);
        using var admitted = scope == UpdateScope.Object ? await admission.AdmitChangeAsync(kind, obj, old, cancel) : null;
        using var reservation = scope == UpdateScope.Object ? kind.Strategy.Reserve(obj, old, errors) : null;
        if (errors.Any) throw ApiError.Invalid(kind, current.Name, errors);
        var value = StoredObject.Write(obj);
        if (value.AsSpan().SequenceEqual(StoredObject.Write(old)) && !IsStoredOtherwise(current.Key)) return current;
        var finished = IsDeleted(kind, obj);
        if (options.DryRun) return StoredObject.Read(kind, current.Key, value, current.Revision);
        var claims = ClaimsOf(kind, old, finished ? null : obj);
        var result = await store.WriteAsync(new StoreWrite(current.Key, finished ? null : value, current.Revision) { Claims = claims, Turn = store.IsShared ? admitted?.Turn : null }, cancel);
        return result.Written ? StoredObject.Read(kind, current.Key, value, result.Revision) : null;
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
                ["reason"] = "NamespaceTerminating",
                ["message"] = $"namespace {ns} is being terminated",
                ["field"] = "metadata.namespace",
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
            name = ObjectNames.Generate(prefix);
            metadata["name"] = name;
        }
        if (kind.Namespaced) metadata["namespace"] = ns;
        else metadata.Remove("namespace");
        metadata["uid"] = Guid.NewGuid().ToString();
        metadata["creationTimestamp"] = Now();
        foreach (var system in (ReadOnlySpan<string>)["resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation"]) metadata.Remove(system);
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
