using System.Globalization;
using Fairlead.Doctor.Snapshot;
using k8s.Models;

namespace Fairlead.Doctor.Diagnose;

/// <summary>Why selected pods take no requests: not scheduled, not started, their readiness probe.</summary>
internal static class ReadinessCheck
{
    internal static IEnumerable<Finding> Check(ServiceCase service)
    {
        if (service.Service.Spec?.PublishNotReadyAddresses == true) yield break;
        var anyReady = service.Selected.Any(PodFacts.IsReady);
        foreach (var pod in service.Selected.Where(pod => pod.Metadata.DeletionTimestamp is null && !PodFacts.IsReady(pod)))
        {
            yield return Explain(pod, service.Events, service.Nodes, service.Now, anyReady ? Severity.Warning : Severity.Problem);
        }
    }

    internal static Finding Explain(V1Pod pod, IReadOnlyList<Corev1Event> events, IReadOnlyList<V1Node> nodes, DateTimeOffset now, Severity severity)
    {
        var about = $"pod/{pod.Metadata.Name}";
        var describe = $"kubectl -n {pod.Metadata.NamespaceProperty} describe pod {pod.Metadata.Name}";
        if (Condition(pod, "PodScheduled") is { Status: "False" } unscheduled)
        {
            return new Finding(severity, "pod-unscheduled", about, $"it has no node {PodFacts.Since(unscheduled.LastTransitionTime, now)}".TrimEnd(), unscheduled.Message ?? "PodScheduled is False", describe);
        }
        if (nodes.FirstOrDefault(node => node.Metadata.Name == pod.Spec?.NodeName) is { } home && !IsReady(home))
        {
            return new Finding(severity, "pod-node-not-ready", about, $"its node {home.Metadata.Name} is not Ready", NodeReason(home), $"kubectl describe node {home.Metadata.Name}");
        }
        return Waiting(pod, severity, about) ?? Probe(pod, events, now, severity, about) ?? Gate(pod, severity, about, describe)
            ?? new Finding(severity, "pod-not-ready", about, "it is not ready", PodFacts.ReadyCondition(pod) is { } ready ? $"{ready.Reason} {ready.Message}".Trim() : "it has no Ready condition yet", describe);
    }

    internal static bool IsReady(V1Node node) => node.Status?.Conditions?.Any(condition => condition.Type == "Ready" && condition.Status == "True") == true;

    internal static string NodeReason(V1Node node) =>
        node.Status?.Conditions?.FirstOrDefault(condition => condition.Type == "Ready") is { } ready ? $"its Ready condition is {ready.Status}: {ready.Message ?? ready.Reason}" : "it has no Ready condition";

    private static V1PodCondition? Condition(V1Pod pod, string type) => pod.Status?.Conditions?.FirstOrDefault(condition => condition.Type == type);

    /// <summary>A container that does not run.</summary>
    private static Finding? Waiting(V1Pod pod, Severity severity, string about)
    {
        var statuses = (pod.Status?.InitContainerStatuses ?? []).Concat(pod.Status?.ContainerStatuses ?? []);
        foreach (var status in statuses)
        {
            if (status.State?.Waiting is { Reason: not "PodInitializing" } waiting)
            {
                var last = status.LastState?.Terminated is { } ended ? $"; it last ended with {ended.ExitCode} ({ended.Reason}), restarts: {status.RestartCount}" : "";
                var mend = waiting.Reason is "CrashLoopBackOff"
                    ? $"kubectl -n {pod.Metadata.NamespaceProperty} logs {pod.Metadata.Name} -c {status.Name} --previous"
                    : $"kubectl -n {pod.Metadata.NamespaceProperty} describe pod {pod.Metadata.Name}";
                return new Finding(severity, "container-waiting", about, $"its container {status.Name} does not run: {waiting.Reason}", $"{waiting.Message ?? "its status says so"}{last}", mend);
            }
            if (status.State?.Terminated is { } terminated && pod.Status?.ContainerStatuses?.Contains(status) == true)
            {
                return new Finding(severity, "container-ended", about, $"its container {status.Name} has ended with {terminated.ExitCode} ({terminated.Reason})", "its status says so",
                    $"kubectl -n {pod.Metadata.NamespaceProperty} logs {pod.Metadata.Name} -c {status.Name}");
            }
        }
        return null;
    }

    /// <summary>A container that runs and whose startup or readiness probe does not succeed.</summary>
    private static Finding? Probe(V1Pod pod, IReadOnlyList<Corev1Event> events, DateTimeOffset now, Severity severity, string about)
    {
        foreach (var container in PodFacts.Serving(pod))
        {
            var status = (pod.Status?.ContainerStatuses ?? []).Concat(pod.Status?.InitContainerStatuses ?? []).FirstOrDefault(found => found.Name == container.Name);
            if (status is not { State.Running: not null, Ready: false }) continue;
            var isStartup = container.StartupProbe is not null && status.Started != true;
            if ((isStartup ? container.StartupProbe : container.ReadinessProbe) is not { } probe) continue;
            var kind = isStartup ? "startup" : "readiness";
            var output = PodFacts.LastEvent(events, "Pod", pod.Metadata.Name, "Unhealthy") is { } said ? Quote(said.Message) : "it has not said anything yet";
            var since = PodFacts.Since(PodFacts.ReadyCondition(pod)?.LastTransitionTime, now);
            return new Finding(severity, $"{kind}-probe-fails", about, $"its {kind} probe ({Words(probe)}) does not succeed, not ready {since}".TrimEnd(),
                $"last output: {output}", Mend(pod, container, probe));
        }
        return null;
    }

    private static Finding? Gate(V1Pod pod, Severity severity, string about, string describe)
    {
        var missing = (pod.Spec?.ReadinessGates ?? []).Select(gate => gate.ConditionType).Where(type => Condition(pod, type)?.Status != "True").ToList();
        return missing.Count == 0 ? null
            : new Finding(severity, "readiness-gate", about, $"its readiness gate {string.Join(", ", missing)} is not True", "spec.readinessGates names it, and no controller has set that condition", describe);
    }

    internal static string Words(V1Probe probe) => probe switch
    {
        { Exec: { } exec } => $"exec {string.Join(' ', exec.Command ?? [])}",
        { HttpGet: { } http } => $"{(http.Scheme ?? "HTTP").ToLowerInvariant()} GET :{http.Port.Value}{http.Path ?? "/"}",
        { TcpSocket: { } tcp } => $"tcp :{tcp.Port.Value}",
        { Grpc: { } grpc } => string.Create(CultureInfo.InvariantCulture, $"grpc :{grpc.Port}"),
        _ => "no action",
    } + string.Create(CultureInfo.InvariantCulture, $" every {probe.PeriodSeconds ?? 10} s");

    private static string Mend(V1Pod pod, V1Container container, V1Probe probe) => probe.Exec is { } exec
        ? $"kubectl -n {pod.Metadata.NamespaceProperty} exec {pod.Metadata.Name} -c {container.Name} -- {string.Join(' ', exec.Command ?? [])}"
        : $"kubectl -n {pod.Metadata.NamespaceProperty} logs {pod.Metadata.Name} -c {container.Name}";

    private static string Quote(string? text) => $"\"{(text ?? "").Trim().ReplaceLineEndings(" ")}\"";
}
