using System.Text.Json.Nodes;
using Fairlead.Controllers.Cache;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using k8s;
using k8s.Models;

namespace Fairlead.Controllers.Owners;

/// <summary>An object that manages others, as their owner references and its events name it.</summary>
internal sealed record Owner(string ApiVersion, string Kind, ObjectKey Key, string Uid)
{
    public static Owner Of<T>(ApiResource<T> resource, ICached item) where T : class, IKubernetesObject<V1ObjectMeta> =>
        new(resource.ApiVersion, resource.Kind, item.Key, item.Meta.Uid);

    public V1OwnerReference Reference() => new()
    {
        ApiVersion = ApiVersion, Kind = Kind, Name = Key.Name, Uid = Uid, Controller = true, BlockOwnerDeletion = true,
    };

    /// <summary>The reference as a patch carries it.</summary>
    public JsonObject ReferenceJson() => new()
    {
        ["apiVersion"] = ApiVersion, ["kind"] = Kind, ["name"] = Key.Name, ["uid"] = Uid, ["controller"] = true, ["blockOwnerDeletion"] = true,
    };

    public V1ObjectReference About() => new() { ApiVersion = ApiVersion, Kind = Kind, NamespaceProperty = Key.Namespace, Name = Key.Name, Uid = Uid };
}
