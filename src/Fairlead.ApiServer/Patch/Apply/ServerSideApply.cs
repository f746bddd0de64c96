using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Resources.Schema;

namespace Fairlead.ApiServer.Patch.Apply;

/// <summary>
/// Server-side apply: the applied fields win, those that the manager no longer applies go, and whoever owns a changed field is asked
/// for or overridden (Kubernetes documentation: "Server-Side Apply"). Who owns what is noted from the first apply on; until then
/// an object carries no managedFields, and all that it had belongs to <c>before-first-apply</c>.
/// </summary>
internal static class ServerSideApply
{
    private const string BeforeFirstApply = "before-first-apply";
    private const string LastApplied = "kubectl.kubernetes.io/last-applied-configuration";
    private const string Kubectl = "kubectl";
    private static readonly string[] SystemFields =
        ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "resourceVersion", "selfLink", "managedFields"];

    /// <summary>The object that results; its managedFields tell who owns what.</summary>
    /// <param name="live">The present object, which is used up; null: there is none yet.</param>
    /// <exception cref="ApiError">409: others own fields that would change, and force was not asked.</exception>
    public static JsonObject Apply(JsonObject? live, JsonObject config, FieldManager manager, bool force, Kind kind, string now)
    {
        var shape = FieldShape.OfStruct(kind.Schema);
        var owners = live is null ? new ManagedFields() : Owners(live, manager, shape, now);
        var before = live is null ? null : Bare(live);
        var wanted = FieldTree.SetOf(Bare(config), shape);
        var merged = (JsonObject)FieldTree.Merge(live ?? [], config, shape)!;
        Prune(merged, owners, manager, wanted, shape);
        if (before is not null) TakeOver(owners, manager, FieldTree.Compare(before, Bare(merged), shape), force, kind, merged.Text("metadata", "name") ?? "");
        KeepLastApplied(before, merged, config, manager);
        owners.Set(manager, wanted, kind.ApiVersion, now);
        Write(merged, owners, live is null);
        return merged;
    }

    /// <summary>Notes who changed what of an object that has been applied before; of others nothing is noted.</summary>
    public static void Track(JsonObject obj, JsonObject old, FieldManager manager, Kind kind, string now)
    {
        var metadata = obj.Child("metadata");
        var given = metadata.Array("managedFields");
        // An empty list, or an empty entry, is the way to have it forgotten.
        var forget = given is { Count: 0 } or [JsonObject { Count: 0 }];
        if (old.Array("metadata", "managedFields") is not { Count: > 0 } noted || forget)
        {
            metadata.Remove("managedFields");
            return;
        }
        if (given is null) metadata["managedFields"] = noted.DeepClone();
        var shape = FieldShape.OfStruct(kind.Schema);
        var changes = FieldTree.Compare(Bare(old), Bare(obj), shape);
        if (changes.Changed.IsEmpty && changes.Removed.IsEmpty) return;
        var owners = ManagedFields.Read(obj);
        foreach (var other in owners.Managers.Where(other => other != manager).ToList())
            owners.Narrow(other, FieldSet.Difference(FieldSet.Difference(owners[other], changes.Changed), changes.Removed));
        owners.Set(manager, FieldSet.Union(FieldSet.Difference(owners[manager], changes.Removed), changes.Changed), kind.ApiVersion, now);
        metadata["managedFields"] = owners.ToJson();
    }

    private static ManagedFields Owners(JsonObject live, FieldManager manager, FieldShape shape, string now)
    {
        var owners = ManagedFields.Read(live);
        if (owners.Managers.Any()) return owners;
        var apiVersion = live.Text("apiVersion") ?? "";
        var all = FieldTree.SetOf(Bare(live), shape);
        // What kubectl applied from the client's side goes over to kubectl's applying on the server's.
        if (manager.Name == Kubectl && live.Text("metadata", "annotations", LastApplied) is { } text && TryParse(text) is { } last)
        {
            var applied = FieldSet.Intersection(FieldTree.SetOf(Bare(last), shape), all);
            owners.Set(manager, applied, apiVersion, now);
            all = FieldSet.Difference(all, applied);
        }
        owners.Set(new FieldManager(BeforeFirstApply, FieldManager.Update, ""), all, apiVersion, now);
        return owners;
    }

    /// <summary>kubectl's annotation stays true, so that applying from the client's side goes on from there ("Server-Side Apply", migration).</summary>
    private static void KeepLastApplied(JsonObject? before, JsonObject merged, JsonObject config, FieldManager manager)
    {
        if (manager.Name != Kubectl || before.Text("metadata", "annotations", LastApplied) is null) return;
        merged.Child("metadata").Child("annotations")[LastApplied] = config.ToText() + "\n";
    }

    /// <summary>What this manager applied before and does not now goes, unless somebody else owns it too.</summary>
    private static void Prune(JsonObject merged, ManagedFields owners, FieldManager manager, FieldSet wanted, FieldShape shape)
    {
        var others = owners.Managers.Where(other => other != manager).Aggregate(wanted, (all, other) => FieldSet.Union(all, owners[other]));
        var gone = FieldSet.Difference(owners[manager], others);
        if (!gone.IsEmpty) FieldTree.Remove(merged, gone, others, shape);
    }

    private static void TakeOver(ManagedFields owners, FieldManager manager, FieldChanges changes, bool force, Kind kind, string name)
    {
        var conflicts = new List<(FieldManager Manager, FieldSet Fields)>();
        foreach (var other in owners.Managers.Where(other => other != manager).ToList())
        {
            var contested = FieldSet.Intersection(owners[other], changes.Changed);
            if (!contested.IsEmpty) conflicts.Add((other, contested));
        }
        if (conflicts.Count > 0 && !force) throw Conflict(owners, conflicts, kind, name);
        foreach (var other in owners.Managers.Where(other => other != manager).ToList())
            owners.Narrow(other, FieldSet.Difference(FieldSet.Difference(owners[other], changes.Changed), changes.Removed));
    }

    private static ApiError Conflict(ManagedFields owners, List<(FieldManager Manager, FieldSet Fields)> conflicts, Kind kind, string name)
    {
        var causes = new JsonArray();
        var texts = new List<string>();
        foreach (var (manager, fields) in conflicts)
        {
            var who = $"\"{manager.Name}\"{(manager.Subresource.Length > 0 ? $" with subresource \"{manager.Subresource}\"" : "")} using {owners.ApiVersionOf(manager)}";
            var paths = fields.Paths().ToList();
            foreach (var path in paths) causes.Add((JsonNode)new JsonObject { ["reason"] = "FieldManagerConflict", ["message"] = $"conflict with {who}", ["field"] = path });
            texts.Add(paths.Count == 1 ? $"conflict with {who}: {paths[0]}" : $"conflicts with {who}:\n{string.Join('\n', paths.Select(path => $"- {path}"))}");
        }
        var details = new JsonObject { ["name"] = name, ["kind"] = kind.Plural, ["causes"] = causes };
        if (kind.Group.Length > 0) details["group"] = kind.Group;
        return new ApiError(409, "Conflict", $"Apply failed with {causes.Count} conflict{(causes.Count == 1 ? "" : "s")}: {string.Join('\n', texts)}", details);
    }

    /// <summary>Where nothing but times would differ, what was noted stays.</summary>
    private static void Write(JsonObject merged, ManagedFields owners, bool isNew)
    {
        var metadata = merged.Child("metadata");
        var noted = owners.ToJson();
        if (!isNew && metadata.Array("managedFields") is { } before && JsonNode.DeepEquals(Timeless(before), Timeless(noted))) return;
        metadata["managedFields"] = noted;
    }

    private static JsonArray Timeless(JsonArray entries)
    {
        var copy = (JsonArray)entries.DeepClone();
        foreach (var entry in copy) (entry as JsonObject)?.Remove("time");
        return new JsonArray([.. copy.OrderBy(entry => entry?.ToJsonString(), StringComparer.Ordinal).Select(entry => entry?.DeepClone())]);
    }

    /// <summary>The object without what nobody owns: its identity and what the server alone sets.</summary>
    private static JsonObject Bare(JsonObject obj)
    {
        var bare = (JsonObject)obj.DeepClone();
        bare.Remove("apiVersion");
        bare.Remove("kind");
        if (bare.Object("metadata") is not { } metadata) return bare;
        foreach (var name in SystemFields) metadata.Remove(name);
        if (metadata.Count == 0) bare.Remove("metadata");
        return bare;
    }

    private static JsonObject? TryParse(string text)
    {
        try
        {
            return JsonTree.Parse(Encoding.UTF8.GetBytes(text)) as JsonObject;
        }
        catch (JsonException)
        {
            // An annotation that somebody wrote by hand says nothing about ownership.
            return null;
        }
    }
}
