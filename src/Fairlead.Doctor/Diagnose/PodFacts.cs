using System.Globalization;
using System.Net;
using k8s.Models;

namespace Fairlead.Doctor.Diagnose;

/// <summary>What a pod's object says, in the words that findings use.</summary>
internal static class PodFacts
{
    internal static V1PodCondition? ReadyCondition(V1Pod pod) => pod.Status?.Conditions?.FirstOrDefault(condition => condition.Type == "Ready");

    internal static bool IsReady(V1Pod pod) => ReadyCondition(pod)?.Status == "True" && pod.Metadata.DeletionTimestamp is null;

    internal static IReadOnlyList<IPAddress> Addresses(V1Pod pod)
    {
        IEnumerable<string> texts = pod.Status?.PodIPs is { Count: > 0 } all ? all.Select(ip => ip.Ip) : [pod.Status?.PodIP ?? ""];
        return [.. texts.Select(text => IPAddress.TryParse(text, out var address) ? address : null).OfType<IPAddress>()];
    }

    /// <summary>Containers that serve while the pod runs: the ordinary ones, and init containers that restart always.</summary>
    internal static IEnumerable<V1Container> Serving(V1Pod pod) =>
        (pod.Spec?.Containers ?? []).Concat((pod.Spec?.InitContainers ?? []).Where(container => container.RestartPolicy == "Always"));

    internal static IEnumerable<V1ContainerPort> Ports(V1Pod pod, string protocol) =>
        Serving(pod).SelectMany(container => container.Ports ?? []).Where(port => (port.Protocol ?? "TCP") == protocol);

    /// <summary>The number that a service's port leads to in a pod; null when the pod names no such port.</summary>
    internal static int? TargetNumber(V1ServicePort port, V1Pod pod)
    {
        var target = port.TargetPort?.Value;
        if (string.IsNullOrEmpty(target) || target == "0") return port.Port;
        if (int.TryParse(target, CultureInfo.InvariantCulture, out var number)) return number;
        return Ports(pod, Protocol(port)).FirstOrDefault(own => own.Name == target)?.ContainerPort;
    }

    internal static string Protocol(V1ServicePort port) => port.Protocol ?? "TCP";

    /// <summary>"1 pod", "3 pods".</summary>
    internal static string Count(int count, string what) => string.Create(CultureInfo.InvariantCulture, $"{count} {what}{(count == 1 ? "" : "s")}");

    /// <summary>At most a few names, and how many more.</summary>
    internal static string Names(IEnumerable<string> names, int most = 3)
    {
        var all = names.ToList();
        var text = string.Join(", ", all.Take(most));
        return all.Count > most ? $"{text} and {Count(all.Count - most, "other")}" : text;
    }

    /// <summary>"for 40 s", or nothing when the time is not known.</summary>
    internal static string Since(DateTime? since, DateTimeOffset now)
    {
        if (since is not { } then) return "";
        var age = now - new DateTimeOffset(DateTime.SpecifyKind(then, DateTimeKind.Utc));
        if (age < TimeSpan.Zero) age = TimeSpan.Zero;
        return age switch
        {
            { TotalSeconds: < 120 } => string.Create(CultureInfo.InvariantCulture, $"for {age.TotalSeconds:F0} s"),
            { TotalMinutes: < 120 } => string.Create(CultureInfo.InvariantCulture, $"for {age.TotalMinutes:F0} min"),
            { TotalHours: < 48 } => string.Create(CultureInfo.InvariantCulture, $"for {age.TotalHours:F0} h"),
            _ => string.Create(CultureInfo.InvariantCulture, $"for {age.TotalDays:F0} days"),
        };
    }

    /// <summary>The youngest event about an object, of one of the reasons, or of any warning.</summary>
    internal static Corev1Event? LastEvent(IEnumerable<Corev1Event> events, string kind, string name, params string[] reasons) =>
        events.Where(found => found.InvolvedObject?.Kind == kind && found.InvolvedObject.Name == name
                && (reasons.Length == 0 ? found.Type == "Warning" : reasons.Contains(found.Reason)))
            .MaxBy(found => found.LastTimestamp ?? found.EventTime ?? found.Metadata.CreationTimestamp);
}
