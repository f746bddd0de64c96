using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources.Schema;
using Fairlead.ApiServer.Storage;
using Fairlead.ApiServer.Watch;

namespace Fairlead.ApiServer.Resources;

/// <summary>What a client asked when it deleted (Kubernetes API reference: "DeleteOptions").</summary>
/// <param name="Propagation">Background, Foreground or Orphan; null: the kind's default, which is Background.</param>
internal sealed record Deletion(long? GracePeriodSeconds, string? Propagation, string? Uid, string? ResourceVersion, bool DryRun)
{
    public static readonly Deletion Default = new(null, null, null, null, false);
}

internal sealed partial class Registry
{
    private const string OrphanFinalizer = "orphan";
    private const string ForegroundFinalizer = "foregroundDeletion";

    /// <summary>
    /// Deletes an object, or marks it as deleted where its grace period or a finalizer holds it back.
    /// Answers the object's last state and whether it is gone.
    /// </summary>
    public Task<(StoredObject Object, bool Gone)> DeleteAsync(Kind kind, string ns, string name, Deletion request, CancellationToken cancel) =>
        SurelyAsync(() => DeleteAnyAsync(kind, ns, name, request, cancel), cancel);

    private async Task<(StoredObject Object, bool Gone)> DeleteAnyAsync(Kind kind, string ns, string name, Deletion request, CancellationToken cancel)
    {
        for (var attempt = 1; attempt <= MostAttempts; attempt++)
        {
            var current = Get(kind, ns, name);
            CheckPreconditions(kind, current, request);
            var obj = current.ToTree();
            var marked = Mark(kind, obj, request);
            var gone = IsDeleted(kind, obj);
            if (request.DryRun || (!gone && !marked)) return (current, gone);
            var value = gone ? null : StoredObject.Write(obj);
            var claims = gone ? ClaimsOf(kind, current.ToTree(), null) : null;
            var result = await store.WriteAsync(new StoreWrite(current.Key, value, current.Revision) { Claims = claims }, cancel);
            if (!result.Written) continue;
            return (value is null ? current : StoredObject.Read(kind, current.Key, value, result.Revision), gone);
        }
        throw ApiError.Modified(kind, name);
    }

    /// <summary>Writes deletion time and grace period; answers false where they are there already and not to be shortened.</summary>
    private bool Mark(Kind kind, JsonObject obj, Deletion request)
    {
        var metadata = obj.Child("metadata");
        var changed = SetPropagation(metadata, request.Propagation ?? DefaultPropagation(kind, metadata));
        var grace = kind.Strategy.GracePeriod(obj, request.GracePeriodSeconds);
        var deleted = metadata.Text("deletionTimestamp") is not null;
        if (deleted && (request.GracePeriodSeconds is null || grace >= (metadata.Number("deletionGracePeriodSeconds") ?? 0))) return changed;
        metadata["deletionTimestamp"] = Timestamp.Format(time.GetUtcNow().AddSeconds(grace));
        metadata["deletionGracePeriodSeconds"] = grace;
        if (kind.HasGeneration && !deleted) metadata["generation"] = (metadata.Number("generation") ?? 0) + 1;
        kind.Strategy.PrepareForDeletion(obj);
        return true;
    }

    /// <summary>Finalizers that are there already say more than the kind's default.</summary>
    private static string? DefaultPropagation(Kind kind, JsonObject metadata) =>
        metadata.Texts("finalizers").Any(name => name is OrphanFinalizer or ForegroundFinalizer) || metadata.Text("deletionTimestamp") is not null ? null : kind.DefaultPropagation;

    /// <summary>The collector reads from these finalizers what to do with an object's dependents.</summary>
    private static bool SetPropagation(JsonObject metadata, string? propagation)
    {
        if (propagation is null) return false;
        var before = metadata.Texts("finalizers").ToList();
        var after = before.Where(name => name is not (OrphanFinalizer or ForegroundFinalizer)).ToList();
        if (propagation == "Orphan") after.Add(OrphanFinalizer);
        if (propagation == "Foreground") after.Add(ForegroundFinalizer);
        if (after.SequenceEqual(before)) return false;
        if (after.Count == 0) metadata.Remove("finalizers");
        else metadata["finalizers"] = after.ToJsonArray();
        return true;
    }

    private static bool IsDeleted(Kind kind, JsonObject obj)
    {
        var metadata = obj.Child("metadata");
        return metadata.Text("deletionTimestamp") is not null
            && metadata.Number("deletionGracePeriodSeconds") is null or 0
            && metadata.Array("finalizers") is not { Count: > 0 }
            && !kind.Strategy.HoldsDeletion(obj);
    }

    private static void CheckPreconditions(Kind kind, StoredObject current, Deletion request)
    {
        if (request.Uid is { } uid && uid != current.Uid)
            throw ApiError.Conflict(kind, current.Name, $"Precondition failed: UID in precondition: {uid}, UID in object meta: {current.Uid}");
        if (request.ResourceVersion is { } version && version != current.Revision.ToString(System.Globalization.CultureInfo.InvariantCulture))
            throw ApiError.Conflict(kind, current.Name, $"Precondition failed: ResourceVersion in precondition: {version}, ResourceVersion in object meta: {current.Revision}");
    }
}
