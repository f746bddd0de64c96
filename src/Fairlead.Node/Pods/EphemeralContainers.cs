using k8s.Models;

namespace Fairlead.Node.Pods;

/// <summary>
/// Containers put into a running pod to look at it (Kubernetes documentation: "Ephemeral Containers"). They are as others are, but are
/// started once, and nothing waits for them.
/// </summary>
internal static class EphemeralContainers
{
    public static IEnumerable<V1Container> Of(V1Pod pod) => (pod.Spec.EphemeralContainers ?? []).Select(container => new V1Container
    {
        Name = container.Name,
        Image = container.Image,
        ImagePullPolicy = container.ImagePullPolicy,
        Command = container.Command,
        Args = container.Args,
        Env = container.Env,
        EnvFrom = container.EnvFrom,
        WorkingDir = container.WorkingDir,
        VolumeMounts = container.VolumeMounts,
        SecurityContext = container.SecurityContext,
        Stdin = container.Stdin,
        StdinOnce = container.StdinOnce,
        Tty = container.Tty,
        TerminationMessagePath = container.TerminationMessagePath,
        TerminationMessagePolicy = container.TerminationMessagePolicy,
        RestartPolicy = "Never",
    });

    /// <summary>All containers of the pod, of each kind.</summary>
    public static IEnumerable<V1Container> All(V1Pod pod) => pod.Spec.Containers.Concat(pod.Spec.InitContainers ?? []).Concat(Of(pod));

    /// <summary>The container whose processes an ephemeral one is to see, or null.</summary>
    public static string? TargetOf(V1Pod pod, string name) =>
        pod.Spec.EphemeralContainers?.FirstOrDefault(container => container.Name == name)?.TargetContainerName is { Length: > 0 } target ? target : null;
}
