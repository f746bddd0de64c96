using k8s.Models;

namespace Fairlead.Node.Probes;

/// <summary>What is probed: a container as it runs now.</summary>
/// <param name="Address">The pod's, or the node's for a pod on its network.</param>
internal sealed record ProbeTarget(V1Pod Pod, V1Container Container, string ContainerId, string Address)
{
    /// <summary>A port by number or by the name that the container gives it; null when it has no such name.</summary>
    public int? Port(IntOrString port) => int.TryParse(port.Value, System.Globalization.CultureInfo.InvariantCulture, out var number)
        ? number
        : Container.Ports?.FirstOrDefault(named => named.Name == port.Value)?.ContainerPort;
}

/// <summary>A probe's verdict; the message, if there is one, goes into an event.</summary>
internal readonly record struct ProbeVerdict(bool Success, string Message)
{
    public static readonly ProbeVerdict Passed = new(true, "");

    /// <summary>It succeeded, but not as one would think.</summary>
    public static ProbeVerdict Warned(string message) => new(true, message);

    public static ProbeVerdict Failed(string message) => new(false, message);
}

internal enum ProbeKind
{
    Startup,
    Liveness,
    Readiness,
}

/// <summary>
/// What a run of verdicts comes to (Kubernetes documentation: "Configure Liveness, Readiness and Startup Probes"): it turns when
/// as many in a row as the threshold asks for say the other.
/// </summary>
/// <param name="Holds">The result so far.</param>
internal sealed record ProbeTally(bool Holds, bool LastSuccess = false, int InARow = 0)
{
    public ProbeTally Add(bool success, int successThreshold, int failureThreshold)
    {
        var row = InARow > 0 && success == LastSuccess ? InARow + 1 : 1;
        return new(row >= (success ? successThreshold : failureThreshold) ? success : Holds, success, row);
    }
}
