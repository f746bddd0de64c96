using System.Globalization;
using System.Net;
using Fairlead.Doctor.Observe;
using Fairlead.Doctor.Snapshot;
using Fairlead.Kube.Selectors;

namespace Fairlead.Doctor.Diagnose;

/// <summary>A pod as a client (its resolv.conf) and as a server (readiness, ports, the services that lead to it).</summary>
internal static class PodCheck
{
    internal static IEnumerable<Finding> Check(PodCase pod)
    {
        if (!PodFacts.IsReady(pod.Pod)) yield return ReadinessCheck.Explain(pod.Pod, pod.Events, pod.Nodes, pod.Now, Severity.Problem);
        foreach (var finding in Names(pod)) yield return finding;
        if (pod.Seen.Sockets.Count > 0)
        {
            var open = pod.Seen.Sockets[0].Sockets;
            foreach (var port in PodFacts.Ports(pod.Pod, "TCP").Where(port => !open.Any(socket => socket.Protocol == "TCP" && socket.Port == port.ContainerPort && !socket.IsLoopback)))
            {
                yield return new Finding(Severity.Warning, "declared-port-not-listening", pod.About, $"its container declares port {port.ContainerPort}, but nothing listens there",
                    "the pod's TCP sockets that listen: " + (open.Count == 0 ? "none" : string.Join(", ", open.Where(socket => socket.Protocol == "TCP").Select(socket => $"{socket.Address}:{socket.Port}"))),
                    $"kubectl -n {pod.Namespace} logs {pod.Name}");
            }
        }
    }

    internal static IEnumerable<PathStep> Path(PodCase pod)
    {
        yield return new PathStep("objects", PodFacts.Count(pod.Services.Count, "service") + " of the namespace", pod.ReadTook);
        var since = PodFacts.Since(PodFacts.ReadyCondition(pod.Pod)?.LastTransitionTime, pod.Now);
        yield return new PathStep("ready", $"{(PodFacts.IsReady(pod.Pod) ? "yes" : "no")} {since}".TrimEnd());
        var leading = pod.Services.Where(service => service.Spec?.Selector is { Count: > 0 } selector && LabelSelector.FromMap(selector).Matches(pod.Pod.Metadata.Labels)).Select(service => $"svc/{service.Metadata.Name}").ToList();
        yield return new PathStep("services", leading.Count == 0 ? "none selects it" : string.Join(", ", leading));
        if (pod.Seen.Sockets.Count > 0)
            yield return new PathStep("listens", pod.Seen.Sockets[0].Sockets is { Count: > 0 } sockets ? string.Join(", ", sockets.Select(socket => string.Create(CultureInfo.InvariantCulture, $"{socket.Protocol} {new IPEndPoint(socket.Address, socket.Port)}"))) : "nowhere");
        if (pod.ResolvConf is { } text) yield return new PathStep("resolv.conf", string.Join("; ", text.Split('\n', StringSplitOptions.RemoveEmptyEntries)));
        if (pod.Answer is { } answer) yield return ServicePath.Name(answer);
    }

    private static IEnumerable<Finding> Names(PodCase pod)
    {
        var policy = pod.Pod.Spec?.DnsPolicy ?? "ClusterFirst";
        var hostNetwork = pod.Pod.Spec?.HostNetwork == true;
        if (policy == "Default" || (hostNetwork && policy == "ClusterFirst"))
        {
            yield return new Finding(Severity.Warning, "pod-uses-node-dns", pod.About, "it asks the node's DNS servers, which know no service",
                hostNetwork ? "with hostNetwork, dnsPolicy ClusterFirst means Default" : "its dnsPolicy is Default", $"set dnsPolicy: {(hostNetwork ? "ClusterFirstWithHostNet" : "ClusterFirst")} in its template");
            yield break;
        }
        if (pod.ResolvConf is not { } text || policy == "None") yield break;
        var settings = ResolvConf.Parse(text);
        var address = pod.Dns?.Spec?.ClusterIP;
        if (address is not null && !settings.Servers.Any(server => server.ToString() == address))
        {
            yield return new Finding(Severity.Problem, "pod-nameserver", pod.About, $"its nameserver {PodFacts.Names(settings.Servers.Select(server => server.ToString()))} is not the cluster's DNS service {address}",
                "its /etc/resolv.conf against svc/kube-dns", "give the nodes the service's address (--cluster-dns), and start the pod anew");
        }
        if (!settings.Search.Contains($"{pod.Namespace}.svc.{pod.ClusterDomain}"))
        {
            yield return new Finding(Severity.Warning, "pod-search-list", pod.About, "short names of services do not work in it", $"its search list is \"{string.Join(' ', settings.Search)}\", without {pod.Namespace}.svc.{pod.ClusterDomain}",
                "use full names, or mend dnsConfig in its template");
        }
        if (pod.Answer is { Answer: { Outcome: not DnsOutcome.Answered } said } seen)
        {
            yield return new Finding(Severity.Problem, said.Outcome == DnsOutcome.Silent ? "dns-silent" : "dns-wrong", pod.About, $"its nameserver {seen.Server.Address} {(said.Outcome == DnsOutcome.Silent ? "does not answer it" : $"answers {said.Code} for {said.Name}")}",
                $"{said.Name} was asked for from the pod's network", "fairlead doctor svc/kube-dns -n kube-system");
        }
    }
}
