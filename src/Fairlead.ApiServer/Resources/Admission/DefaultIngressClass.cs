using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources.Strategies;
using Fairlead.ApiServer.Watch;

namespace Fairlead.ApiServer.Resources.Admission;

/// <summary>An Ingress that names no class gets the default one (Kubernetes documentation: "Ingress", default IngressClass).</summary>
internal sealed class DefaultIngressClass(ObjectCache cache, KindTable kinds) : IAdmissionPlugin
{
    private const string DefaultAnnotation = "ingressclass.kubernetes.io/is-default-class";
    private readonly Kind _classes = kinds.Find("networking.k8s.io", "v1", "ingressclasses")!;

    public string Name => "DefaultIngressClass";

    public void Admit(Kind kind, JsonObject obj)
    {
        if (kind.Name != "Ingress") return;
        if (obj.Text("spec", "ingressClassName") is not null || obj.Text("metadata", "annotations", IngressStrategy.ClassAnnotation) is not null) return;
        // Of several the youngest counts, and of those of one second the first by name.
        var chosen = cache[_classes].Objects.Values.Select(stored => stored.ToTree())
            .Where(one => one.Text("metadata", "annotations", DefaultAnnotation) == "true")
            .OrderByDescending(one => one.Text("metadata", "creationTimestamp"), StringComparer.Ordinal).ThenBy(one => one.Text("metadata", "name"), StringComparer.Ordinal)
            .FirstOrDefault();
        if (chosen is not null) obj.Child("spec")["ingressClassName"] = chosen.Text("metadata", "name");
    }
}
