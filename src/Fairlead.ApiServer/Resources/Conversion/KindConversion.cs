using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Watch;

namespace Fairlead.ApiServer.Resources.Conversion;

/// <summary>
/// How a kind that is served in a second version or group is another way to see the objects of the kind that is stored
/// (Kubernetes documentation: "API versioning"). The rules change a tree in place; kind and apiVersion are set around them.
/// </summary>
internal abstract class KindConversion
{
    /// <summary>From what clients of this version send to what is stored.</summary>
    public JsonObject ToStored(JsonObject obj, Kind shown)
    {
        Rename(obj, shown.StoredAs!);
        Store(obj);
        return obj;
    }

    /// <summary>From what is stored to what clients of this version see.</summary>
    public JsonObject FromStored(JsonObject obj, Kind shown)
    {
        Rename(obj, shown);
        Show(obj);
        return obj;
    }

    /// <summary>An object of the cache as clients of this version see it.</summary>
    public StoredObject FromStored(StoredObject obj, Kind shown) => StoredObject.Shown(obj, FromStored(obj.ToTree(), shown));

    /// <summary>The stored kind's name of a field that selectors of this version may name.</summary>
    public virtual string StoredField(string field) => field;

    /// <summary>What this version demands of an object, as it will be stored, beyond what the stored kind does.</summary>
    /// <param name="old">Before a change, or null for a new one.</param>
    public virtual void Validate(JsonObject stored, JsonObject? old, FieldErrors errors)
    {
    }

    protected abstract void Store(JsonObject obj);

    protected abstract void Show(JsonObject obj);

    protected static void Move(JsonObject obj, string from, string to)
    {
        if (!obj.TryGetPropertyValue(from, out var value)) return;
        obj.Remove(from);
        if (value is not null) obj[to] = value;
    }

    private static void Rename(JsonObject obj, Kind kind)
    {
        obj["kind"] = kind.Name;
        obj["apiVersion"] = kind.ApiVersion;
        // Who manages which field is told in the version in which it was applied, which stays true.
    }
}

/// <summary>Two versions with the same fields.</summary>
internal sealed class SameFields : KindConversion
{
    public static readonly SameFields Instance = new();

    protected override void Store(JsonObject obj)
    {
    }

    protected override void Show(JsonObject obj)
    {
    }
}
