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

    /// <summary>Before a changed object is validated: a write of the object leaves its status alone.</summary>
    public virtual void PrepareForUpdate(JsonObject obj, JsonObject old) => Keep(obj, old, "status");

    /// <summary>Before a changed status is validated: a write of the status leaves all else alone.</summary>
    public virtual void PrepareForStatusUpdate(JsonObject obj, JsonObject old)
    {
        Keep(obj, old, "spec");
        var metadata = obj.Child("metadata");
        Keep(metadata, old.Child("metadata"), "labels");
        Keep(metadata, old.Child("metadata"), "ownerReferences");
        Keep(metadata, old.Child("metadata"), "finalizers");
    }

    public virtual void Validate(JsonObject obj, FieldErrors errors)
    {
    }

    /// <summary>Rules between the old and the new object; <see cref="Validate"/> has been called.</summary>
    public virtual void ValidateUpdate(JsonObject obj, JsonObject old, FieldErrors errors)
    {
    }

    /// <summary>Takes what the object needs of the cluster (addresses, ports) and writes it into the object.</summary>
    public virtual IReservation? Reserve(JsonObject obj, JsonObject? old, FieldErrors errors) => null;

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

    protected static void Keep(JsonObject obj, JsonObject old, string name)
    {
        if (old.TryGetPropertyValue(name, out var value) && value is not null) obj[name] = value.DeepClone();
        else obj.Remove(name);
    }
}

/// <summary>Something taken for an object that is about to be written.</summary>
internal interface IReservation
{
    /// <summary>Gives it back, because the object was not written.</summary>
    void Cancel();
}
