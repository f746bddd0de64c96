using Fairlead.Kube.Client;
using k8s.Models;

namespace Fairlead.Controllers;

/// <summary>A kind as discovery names it; the group is empty for the core group, <c>Plural</c> is the path's segment.</summary>
public sealed record ApiKind(string Group, string Version, string Kind, string Plural, bool Namespaced)
{
    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary>
    /// The kind, read as metadata only: Binding is a model that has, beside metadata, nothing that another kind
    /// calls by the same name, so every object parses as one.
    /// </summary>
    internal ApiResource<V1Binding> Metadata => new(Group, Version, Kind, Plural, Namespaced);

    internal static ApiKind Of<T>(ApiResource<T> resource) where T : class, k8s.IKubernetesObject<V1ObjectMeta> =>
        new(resource.Group, resource.Version, resource.Kind, resource.Plural, resource.Namespaced);
}
