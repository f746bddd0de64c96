using Fairlead.Kube;
using k8s.Models;

namespace Fairlead.Controllers.Cache;

/// <summary>What the caches keep of an object: at least its identity and what the garbage collector follows.</summary>
internal interface ICached
{
    ObjectKey Key { get; }
    ObjectMeta Meta { get; }
}

/// <summary>A cached object that selectors may match.</summary>
internal interface ILabelled : ICached
{
    ValueMap Labels { get; }
}

/// <summary>The part of an object's metadata that every cache keeps.</summary>
internal sealed record ObjectMeta(
    string Uid, ValueList<OwnerReference> Owners, ValueList<string> Finalizers, DateTime Created, DateTime? Deleted)
{
    public bool IsDeleting => Deleted is not null;

    /// <summary>The owner that manages the object, or null (Kubernetes documentation: "Owners and Dependents").</summary>
    public OwnerReference? Controller
    {
        get
        {
            foreach (var owner in Owners.AsSpan())
            {
                if (owner.IsController) return owner;
            }
            return null;
        }
    }

    public static ObjectMeta From(V1ObjectMeta meta) => new(
        meta.Uid ?? "",
        meta.OwnerReferences is { Count: > 0 } owners ? [.. owners.Select(OwnerReference.From)] : [],
        meta.Finalizers is { Count: > 0 } finalizers ? [.. finalizers] : [],
        meta.CreationTimestamp ?? default,
        meta.DeletionTimestamp);
}

/// <summary>One entry of metadata.ownerReferences.</summary>
internal sealed record OwnerReference(string ApiVersion, string Kind, string Name, string Uid, bool IsController, bool Blocks)
{
    public static OwnerReference From(V1OwnerReference owner) =>
        new(owner.ApiVersion ?? "", owner.Kind ?? "", owner.Name ?? "", owner.Uid ?? "", owner.Controller == true, owner.BlockOwnerDeletion == true);
}

/// <summary>An object of a kind of which nothing but metadata is needed.</summary>
internal sealed record MetadataItem(ObjectKey Key, ObjectMeta Meta) : ICached;
