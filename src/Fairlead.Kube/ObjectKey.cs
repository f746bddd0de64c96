using k8s;
using k8s.Models;

namespace Fairlead.Kube;

/// <summary>Namespace and name of an object; the namespace is empty for cluster-scoped kinds.</summary>
public readonly record struct ObjectKey(string Namespace, string Name)
{
    public static ObjectKey Of(IKubernetesObject<V1ObjectMeta> obj) =>
        new(obj.Metadata.NamespaceProperty ?? "", obj.Metadata.Name);

    /// <summary><c>namespace/name</c>, or the bare name of a cluster-scoped object, as logs print it.</summary>
    public override string ToString() => Namespace.Length == 0 ? Name : $"{Namespace}/{Name}";
}
