namespace Fairlead.Kube;

/// <summary>Annotations of pods by which parts tell one another.</summary>
public static class PodAnnotations
{
    /// <summary>
    /// When the probe gave the verdict by which the pod last became ready or ceased to be, as MicroTime: the condition tells it to the second only.
    /// Written together with the condition, and true of it where it lies in that second.
    /// </summary>
    public const string ReadinessVerdict = "fairlead.io/readiness-verdict";
}
