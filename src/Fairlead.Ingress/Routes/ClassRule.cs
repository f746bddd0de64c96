using Fairlead.Ingress.Routes.Objects;

namespace Fairlead.Ingress.Routes;

/// <summary>Which Ingresses are ours (https://kubernetes.io/docs/concepts/services-networking/ingress/#ingress-class).</summary>
/// <param name="Controller">The value of spec.controller of our IngressClasses.</param>
/// <param name="ClassName">What the old annotation says for us, class object or not.</param>
/// <param name="WithoutClass">Ingresses without a class are ours even where no class of ours is the default.</param>
internal sealed record ClassRule(string Controller, string ClassName, bool WithoutClass)
{
    internal bool Owns(IngressSpecInfo spec, IReadOnlyDictionary<string, IngressClassInfo> classes)
    {
        // The annotation, where it is given, wins: it was there first, and others go by it.
        if (!string.IsNullOrEmpty(spec.ClassAnnotation)) return spec.ClassAnnotation == ClassName || IsOurs(spec.ClassAnnotation, classes);
        if (!string.IsNullOrEmpty(spec.ClassName)) return IsOurs(spec.ClassName, classes);
        return WithoutClass || classes.Values.Any(found => found.IsDefault && found.Controller == Controller);
    }

    private bool IsOurs(string name, IReadOnlyDictionary<string, IngressClassInfo> classes) =>
        classes.TryGetValue(name, out var found) && found.Controller == Controller;
}
