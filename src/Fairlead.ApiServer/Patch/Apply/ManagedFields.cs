using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Patch.Apply;

/// <summary>What one manager owns, by one way of writing (Kubernetes API reference: "ManagedFieldsEntry").</summary>
internal sealed record FieldManager(string Name, string Operation, string Subresource)
{
    public const string Apply = "Apply";
    public const string Update = "Update";
}

/// <summary>metadata.managedFields, read.</summary>
internal sealed class ManagedFields
{
    private readonly Dictionary<FieldManager, (FieldSet Set, string ApiVersion, string Time)> _entries = [];

    public IEnumerable<FieldManager> Managers => _entries.Keys;

    public FieldSet this[FieldManager manager] => _entries.TryGetValue(manager, out var entry) ? entry.Set : new FieldSet();

    public string ApiVersionOf(FieldManager manager) => _entries[manager].ApiVersion;

    public static ManagedFields Read(JsonObject obj)
    {
        var fields = new ManagedFields();
        foreach (var (_, entry) in obj.Items("metadata", "managedFields"))
        {
            var manager = new FieldManager(entry.Text("manager") ?? "", entry.Text("operation") ?? "", entry.Text("subresource") ?? "");
            fields._entries[manager] = (FieldSet.Parse(entry.Object("fieldsV1") ?? []), entry.Text("apiVersion") ?? "", entry.Text("time") ?? "");
        }
        return fields;
    }

    /// <summary>What a manager owns from now on; nothing: he is forgotten.</summary>
    public void Set(FieldManager manager, FieldSet set, string apiVersion, string time)
    {
        if (set.IsEmpty) _entries.Remove(manager);
        else _entries[manager] = (set, apiVersion, time);
    }

    /// <summary>The same with another set of fields; version and time stay.</summary>
    public void Narrow(FieldManager manager, FieldSet set) => Set(manager, set, _entries[manager].ApiVersion, _entries[manager].Time);

    public JsonArray ToJson() => new(
    [
        .. _entries.OrderBy(entry => entry.Key.Operation == FieldManager.Apply ? 0 : 1).ThenBy(entry => entry.Value.Time, StringComparer.Ordinal).ThenBy(entry => entry.Key.Name, StringComparer.Ordinal)
            .Select(entry => Write(entry.Key, entry.Value.Set, entry.Value.ApiVersion, entry.Value.Time)),
    ]);

    private static JsonObject Write(FieldManager manager, FieldSet set, string apiVersion, string time)
    {
        var json = new JsonObject { ["manager"] = manager.Name, ["operation"] = manager.Operation, ["apiVersion"] = apiVersion, ["time"] = time, ["fieldsType"] = "FieldsV1", ["fieldsV1"] = set.ToJson() };
        if (manager.Subresource.Length > 0) json["subresource"] = manager.Subresource;
        return json;
    }
}
