using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Resources.Strategies;

/// <summary>
/// The rules of a kind, as pure functions of its objects. The generic handlers call them in this order: default, prepare,
/// validate, reserve. Kinds without rules of their own use <see cref="Plain"/>.
/// </summary>
internal class KindStrategy
{
    public static readonly KindStrategy Plain = new();

    /// <summary>Says what is wrong with a name of this kind, or null.</summary>
    public virtual string? CheckName(string name) => NameRules.Subdomain(name);

    /// <summary>Fills in what the user left out.</summary>
    public virtual void Default(JsonObject obj)
    {
    }

    /// <summary>Before a new object is validated: drops what only the system may set.</summary>
    public virtual void PrepareForCreate(JsonObject obj) => obj.Remove("status");

    /// <summary>What follows from a new object as it is after its defaults and after admission.</summary>
    public virtual void Complete(JsonObject obj)
    {
    }

    /// <summary>Before a changed object is validated: a write of the object leaves its status alone.</summary>
    public virtual void PrepareForUpdate(JsonObject obj, JsonObject old) => Keep(obj, old, "status");

    /// <summary>Before a changed status is validated: a write of the status leaves all else alone but what users may write of the metadata.</summary>
    public virtual void PrepareForStatusUpdate(JsonObject obj, JsonObject old)
    {
        foreach (var name in obj.Select(pair => pair.Key).Union(old.Select(pair => pair.Key)).Except(["apiVersion", "kind", "metadata", "status"]).ToList()) Keep(obj, old, name);
    }

    public virtual void Validate(JsonObject obj, FieldErrors errors)
    {
    }

    /// <summary>Rules between the old and the new object; <see cref="Validate"/> has been called.</summary>
    public virtual void ValidateUpdate(JsonObject obj, JsonObject old, FieldErrors errors)
    {
    }

    /// <summary>Rules between the old status and the new one.</summary>
    public virtual void ValidateStatusUpdate(JsonObject obj, JsonObject old, FieldErrors errors)
    {
    }

    /// <summary>
    /// Takes what the object needs of the cluster (addresses, ports) and writes it into the object. What is answered holds it until the
    /// object has been written or has not.
    /// </summary>
    public virtual IDisposable? Reserve(JsonObject obj, JsonObject? old, FieldErrors errors) => null;

    /// <summary>What the object has of what the cluster has once (<see cref="Storage.Claims"/>): servers that share a store agree by these.</summary>
    public virtual IEnumerable<string> Claims(JsonObject obj) => [];

    /// <summary>
    /// Seconds for which a deleted object stays, marked with a deletion time; 0: it goes at once.
    /// </summary>
    /// <param name="requested">gracePeriodSeconds of the request, or null.</param>
    public virtual long GracePeriod(JsonObject obj, long? requested) => 0;

    /// <summary>Whether something besides metadata.finalizers holds a deleted object back.</summary>
    public virtual bool HoldsDeletion(JsonObject obj) => false;

    /// <summary>Changes an object that is being marked as deleted.</summary>
    public virtual void PrepareForDeletion(JsonObject obj)
    {
    }

    /// <summary>For kinds whose status is written by those who may not write the object.</summary>
    protected static void KeepMetadata(JsonObject obj, JsonObject old)
    {
        foreach (var name in (ReadOnlySpan<string>)["labels", "ownerReferences", "finalizers"]) Keep(obj.Child("metadata"), old.Child("metadata"), name);
    }

    protected static void Keep(JsonObject obj, JsonObject old, string name)
    {
        if (old.TryGetPropertyValue(name, out var value) && value is not null) obj[name] = value.DeepClone();
        else obj.Remove(name);
    }
}
