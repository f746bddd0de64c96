using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Resources.Strategies;

/// <summary>What volumes and claims have in common.</summary>
internal abstract class StorageStrategy : KindStrategy
{
    private static readonly string[] AccessModes = ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"];

    public override void Default(JsonObject obj) => obj.Child("spec").SetDefault("volumeMode", "Filesystem");

    public override void PrepareForCreate(JsonObject obj) => obj["status"] = new JsonObject { ["phase"] = "Pending" };

    protected static void CheckAccessModes(JsonObject spec, FieldErrors errors)
    {
        if (spec.Array("accessModes") is not { Count: > 0 }) errors.Required("spec.accessModes", "at least 1 access mode is required");
        foreach (var mode in spec.Texts("accessModes").Where(mode => !AccessModes.Contains(mode)))
            errors.NotSupported("spec.accessModes", mode, AccessModes);
    }
}

internal sealed class PersistentVolumeStrategy : StorageStrategy
{
    public override void Default(JsonObject obj)
    {
        base.Default(obj);
        obj.Child("spec").SetDefault("persistentVolumeReclaimPolicy", "Retain");
    }

    public override void Validate(JsonObject obj, FieldErrors errors)
    {
        CheckAccessModes(obj.Child("spec"), errors);
        if (obj.Text("spec", "capacity", "storage") is null) errors.Required("spec.capacity");
    }
}

internal sealed class PersistentVolumeClaimStrategy : StorageStrategy
{
    public override void Validate(JsonObject obj, FieldErrors errors)
    {
        CheckAccessModes(obj.Child("spec"), errors);
        if (obj.Text("spec", "resources", "requests", "storage") is null) errors.Required("spec.resources[storage]");
    }
}

/// <summary>A way to make volumes; kept, since nothing here makes any.</summary>
internal sealed class StorageClassStrategy : KindStrategy
{
    public override void Default(JsonObject obj)
    {
        obj.SetDefault("reclaimPolicy", "Delete");
        obj.SetDefault("volumeBindingMode", "Immediate");
    }

    public override void Validate(JsonObject obj, FieldErrors errors)
    {
        if (string.IsNullOrEmpty(obj.Text("provisioner"))) errors.Required("provisioner");
        if (obj.Text("reclaimPolicy") is not ("Delete" or "Retain")) errors.NotSupported("reclaimPolicy", obj.Text("reclaimPolicy") ?? "", "Delete", "Retain");
        if (obj.Text("volumeBindingMode") is not ("Immediate" or "WaitForFirstConsumer"))
            errors.NotSupported("volumeBindingMode", obj.Text("volumeBindingMode") ?? "", "Immediate", "WaitForFirstConsumer");
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, FieldErrors errors)
    {
        foreach (var field in (ReadOnlySpan<string>)["parameters", "provisioner", "reclaimPolicy"])
        {
            if (!JsonNode.DeepEquals(obj[field], old[field])) errors.Forbidden(field, $"updates to {field} are forbidden.");
        }
        if (!JsonNode.DeepEquals(obj["volumeBindingMode"], old["volumeBindingMode"])) errors.Invalid("volumeBindingMode", obj["volumeBindingMode"]?.DeepClone(), "field is immutable");
    }
}
