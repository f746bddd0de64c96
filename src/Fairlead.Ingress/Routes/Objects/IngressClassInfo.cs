using k8s.Models;

namespace Fairlead.Ingress.Routes.Objects;

/// <summary>What is kept of an IngressClass.</summary>
internal sealed record IngressClassInfo(string Name, string Controller, bool IsDefault)
{
    private const string DefaultAnnotation = "ingressclass.kubernetes.io/is-default-class";

    internal static IngressClassInfo From(V1IngressClass found) => new(
        found.Metadata.Name, found.Spec?.Controller ?? "",
        found.Metadata.Annotations is { } annotations && annotations.TryGetValue(DefaultAnnotation, out var value) && value == "true");
}
