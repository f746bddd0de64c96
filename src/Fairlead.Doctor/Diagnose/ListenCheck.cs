using System.Globalization;
using Fairlead.Doctor.Snapshot;
using k8s.Models;

namespace Fairlead.Doctor.Diagnose;

/// <summary>Whether anything listens where the endpoints say, and if not, where it listens instead.</summary>
internal static class ListenCheck
{
    internal static IEnumerable<Finding> Check(ServiceCase service)
    {
        var pods = service.Selected.Count > 0 ? service.Selected : service.Pods;
        var refused = new HashSet<string>();
        for (var index = 0; index < service.Ports.Count; index++)
        {
            var port = service.Ports[index];
            foreach (var finding in service.Selected.Select(pod => Look(service, port, index, pod)).OfType<Finding>())
            {
                refused.Add(finding.About);
                yield return finding;
            }
        }
        foreach (var group in Failed(service).GroupBy(connect => connect.To))
        {
            var pod = pods.FirstOrDefault(pod => PodFacts.Addresses(pod).Contains(group.Key.Address));
            var about = pod is null ? service.About : $"pod/{pod.Metadata.Name}";
            if (refused.Contains(about)) continue;
            var outcome = group.First().Outcome;
            yield return new Finding(Severity.Problem, outcome == ConnectOutcome.Refused ? "endpoint-refuses" : "endpoint-silent", about,
                $"its endpoint {group.Key} {Words(outcome)}", $"connected to from {PodFacts.Names(group.Select(connect => connect.Node))}",
                pod is null ? $"kubectl -n {service.Namespace} get endpointslices -l kubernetes.io/service-name={service.Name}" : $"kubectl -n {service.Namespace} logs {pod.Metadata.Name}");
        }
        foreach (var group in service.Seen.Connects.Where(connect => !connect.IsEndpoint && connect.Outcome != ConnectOutcome.Connected).GroupBy(connect => (connect.To, connect.Outcome)))
        {
            // Without an endpoint it must refuse, and the reason was told above.
            if (!SliceCheck.Ready(service).Any() || Failed(service).Any()) continue;
            yield return new Finding(Severity.Problem, "cluster-ip-fails", service.About, $"its cluster address {group.Key.To} {Words(group.Key.Outcome)}, though its endpoints can be reached",
                $"connected to from {PodFacts.Names(group.Select(connect => connect.Node))}", "look at the findings about the nodes' kernel");
        }
    }

    internal static string Words(ConnectOutcome outcome) => outcome switch
    {
        ConnectOutcome.Connected => "answers",
        ConnectOutcome.Refused => "refuses connections",
        ConnectOutcome.Silent => "does not answer within a second",
        _ => "cannot be reached",
    };

    private static IEnumerable<ConnectSeen> Failed(ServiceCase service) => service.Seen.Connects.Where(connect => connect.IsEndpoint && connect.Outcome != ConnectOutcome.Connected);

    /// <summary>A pod whose sockets were seen, and none of which takes what the service sends.</summary>
    private static Finding? Look(ServiceCase service, V1ServicePort port, int index, V1Pod pod)
    {
        if (service.Seen.Sockets.FirstOrDefault(seen => seen.Pod == pod.Metadata.Name) is not { } seen || PodFacts.TargetNumber(port, pod) is not { } target) return null;
        // Something before the pod may answer for it; who connects is right.
        if (service.Seen.Connects.Any(connect => connect is { IsEndpoint: true, Outcome: ConnectOutcome.Connected } && connect.To.Port == target && PodFacts.Addresses(pod).Contains(connect.To.Address))) return null;
        var protocol = PodFacts.Protocol(port);
        var sockets = seen.Sockets.Where(socket => socket.Protocol == protocol).ToList();
        var there = sockets.Where(socket => socket.Port == target).ToList();
        if (there.Any(socket => !socket.IsLoopback)) return null;
        var about = $"pod/{pod.Metadata.Name}";
        if (there.Count > 0)
        {
            return new Finding(Severity.Problem, "bound-to-loopback", about, $"its server listens at port {target} of {there[0].Address} only, which nobody outside the pod can reach",
                $"the pod's own table of {protocol} sockets has {there[0].Address}:{target} and no 0.0.0.0, :: or {pod.Status?.PodIP}",
                $"let the server in {about} listen on 0.0.0.0, not on localhost: an argument or setting of the program (kubectl -n {service.Namespace} edit its Deployment)");
        }
        return NotListening(service, port, index, about, target, [.. sockets.Where(socket => !socket.IsLoopback).Select(socket => socket.Port).Distinct().Order()]);
    }

    private static Finding NotListening(ServiceCase service, V1ServicePort port, int index, string about, int target, List<int> others)
    {
        var protocol = PodFacts.Protocol(port);
        var isOwn = target == port.Port && others.Count > 0;
        var instead = string.Join(", ", others);
        return new Finding(Severity.Problem, isOwn ? "port-for-target-port" : "target-port-not-listening", about,
            isOwn ? $"nothing listens at its {protocol} port {target}: the service's own port was given for the target port" : $"nothing listens at its {protocol} port {target}, to which the service's port {port.Port} leads",
            others.Count == 0 ? $"no {protocol} socket of the pod listens" : $"the pod's {protocol} sockets that listen: {instead}",
            others.Count == 1 ? PortCheck.Retarget(service, index, others[0].ToString(CultureInfo.InvariantCulture))
                : $"kubectl -n {service.Namespace} logs {about[4..]}");
    }
}
