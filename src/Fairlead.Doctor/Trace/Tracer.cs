using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Fairlead.Doctor.Diagnose;
using Fairlead.Doctor.Observe;
using Fairlead.Doctor.Snapshot;
using Fairlead.Kube.Client;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Conntrack;
using k8s.Models;

namespace Fairlead.Doctor.Trace;

/// <summary>A trace that cannot be made; the message says why, and what to do.</summary>
public sealed class TraceException(string message) : Exception(message);

/// <summary>Sends one request out of a pod's network and tells what became of it at each step.</summary>
public sealed class Tracer(KubeClient client, ILocalCluster local, TimeProvider time)
{
    private const byte Tcp = 6;
    private readonly Exchange _exchange = new(time);

    /// <exception cref="TraceException">There is no such pod, or it is not on this machine.</exception>
    public async Task<Diagnosis> RunAsync(string ns, string podName, Uri url, CancellationToken cancel)
    {
        var pod = await client.FindAsync(ApiResources.Pods, ns, podName, cancel) ?? throw new TraceException($"there is no pod {podName} in namespace {ns}");
        var here = local.FindPod(pod) ?? throw new TraceException($"pod {podName} (node {pod.Spec?.NodeName}) has no network on this machine, so no request can be sent from it; use kubectl exec {podName} -- curl -v {url}");
        var view = await ReadAsync(cancel);
        var trace = new TraceLog();
        var node = local.Nodes.First(node => node.Name == pod.Spec.NodeName);
        if (await ResolveAsync(view, here, url, trace, cancel) is { } address) await SendAsync(view, pod, here, node, new IPEndPoint(address, url.Port), url, trace, cancel);
        return new Diagnosis($"pod/{podName}", ns, $"→ {url}", trace.Steps, trace.Findings, []);
    }

    private async Task<ClusterView> ReadAsync(CancellationToken cancel)
    {
        var services = client.ListAsync(ApiResources.Services, null, ListOptions.All, cancel);
        var slices = client.ListAsync(ApiResources.EndpointSlices, null, ListOptions.All, cancel);
        var pods = client.ListAsync(ApiResources.Pods, null, ListOptions.All, cancel);
        var nodes = client.ListAsync(ApiResources.Nodes, null, ListOptions.All, cancel);
        var ingresses = client.ListAsync(ApiResources.Ingresses, null, ListOptions.All, cancel);
        var classes = client.ListAsync(ApiResources.IngressClasses, null, ListOptions.All, cancel);
        await Task.WhenAll(services, slices, pods, nodes, ingresses, classes);
        return new ClusterView
        {
            Services = services.Result.Items, Slices = slices.Result.Items, Pods = pods.Result.Items, Nodes = nodes.Result.Items,
            Ingresses = ingresses.Result.Items, Classes = classes.Result.Items,
        };
    }

    /// <summary>The way of the pod's resolver: each name of its search list, until one has an address.</summary>
    private async Task<IPAddress?> ResolveAsync(ClusterView view, LocalPod pod, Uri url, TraceLog trace, CancellationToken cancel)
    {
        if (IPAddress.TryParse(url.Host.Trim('[', ']'), out var literal)) return literal;
        if (pod.ResolvConf is not { } text || ResolvConf.Parse(text) is not { Servers: [var server, ..] } settings)
        {
            trace.Findings.Add(new Finding(Severity.Problem, "pod-nameserver", "the pod", "it has no nameserver", "its resolv.conf names none", "fairlead doctor pod/NAME"));
            return null;
        }
        trace.Step("resolv.conf", $"nameserver {server}, search {string.Join(' ', settings.Search)}, ndots:{settings.Dots}");
        foreach (var name in settings.Candidates(url.Host))
        {
            var answer = await _exchange.AskAsync(pod.NetworkNamespace, new IPEndPoint(server, 53), name, cancel);
            trace.Steps.Add(ServicePath.Name(new DnsSeen(server.ToString(), new IPEndPoint(server, 53), true, answer)));
            if (answer.Addresses is [var first, ..]) return first;
            if (answer.Outcome == DnsOutcome.Silent) break;
        }
        if (view.AddressOfHost(url.Host) is { } served)
        {
            // As one does who tries an Ingress before its name is in any DNS: curl --resolve.
            trace.Step("ingress", $"no DNS has {url.Host}, but ingress/{served.Ingress.Metadata.Name} serves it: sent to its address {served.Address}");
            return served.Address;
        }
        trace.Findings.Add(new Finding(Severity.Problem, "name-not-found", url.Host, "no name of the pod's search list has an address", "the answers above", "fairlead doctor svc/NAME, for the service that is meant"));
        return null;
    }

    private async Task SendAsync(ClusterView view, V1Pod pod, LocalPod here, LocalNode node, IPEndPoint to, Uri url, TraceLog trace, CancellationToken cancel)
    {
        var service = view.ServiceAt(to.Address) ?? view.NodePort(to);
        trace.Step("address", $"{to} is {(service is null ? view.Describe(to.Address) : $"svc/{service.Metadata.Name} of namespace {service.Metadata.NamespaceProperty}")}");
        var request = new TracedRequest(here.NetworkNamespace, to, time);
        await using (request)
        {
            var (outcome, took) = await request.ConnectAsync(cancel);
            trace.Step("connect", ListenCheck.Words(outcome), took);
            if (outcome != ConnectOutcome.Connected)
            {
                trace.Findings.Add(view.Misdirected(to) ?? new Finding(Severity.Problem, $"connect-{outcome.ToString().ToLowerInvariant()}", to.ToString(), $"it {ListenCheck.Words(outcome)}", "a TCP connection from the pod's network",
                    service is null ? "look whether anything listens there" : $"fairlead doctor svc/{service.Metadata.Name} -n {service.Metadata.NamespaceProperty}"));
                return;
            }
            Kernel(view, pod, node, request.Local!, to, trace);
            if (url.Scheme is not ("http" or "https")) return;
            await request.SecureAsync(url, trace, cancel);
            if (await request.GetAsync(url, trace, cancel) is { } body) await AnsweredAsync(view, request, to, url, body, trace, cancel);
        }
    }

    /// <summary>What the node's kernel remembers of the flow: where it was sent, and under which source address.</summary>
    private void Kernel(ClusterView view, V1Pod pod, LocalNode node, IPEndPoint from, IPEndPoint to, TraceLog trace)
    {
        var start = time.GetTimestamp();
        try
        {
            using var network = NetworkNamespace.Open(node.NetworkNamespace);
            using var conntrack = ConntrackSocket.Open(network);
            var flows = conntrack.List(to.AddressFamily == AddressFamily.InterNetworkV6, Tcp, found => found.Original.Source.Equals(from.Address) && found.Original.SourcePort == from.Port
                && found.Original.Destination.Equals(to.Address) && found.Original.DestinationPort == to.Port);
            var took = time.GetElapsedTime(start);
            if (flows is not [var flow, ..])
            {
                trace.Step("kernel", $"{node.Name} tracks no such flow: it went to {to} as it is", took);
                return;
            }
            var endpoint = new IPEndPoint(flow.Reply.Source, flow.Reply.SourcePort);
            trace.Step("kernel", endpoint.Equals(to) ? $"{node.Name} left {to} as it is" : $"{node.Name} chose {endpoint}", took);
            trace.Step("endpoint", view.Describe(endpoint.Address));
            var source = new IPEndPoint(flow.Reply.Destination, flow.Reply.DestinationPort);
            trace.Step("source", source.Equals(from) ? $"{from}, the pod's own address" : $"{from} of {pod.Metadata.Name}, masqueraded as {source}");
        }
        catch (LinuxException failure)
        {
            trace.Step("kernel", $"{node.Name} could not be asked: {failure.Message}", time.GetElapsedTime(start));
        }
    }

    private static async Task AnsweredAsync(ClusterView view, TracedRequest request, IPEndPoint to, Uri url, string body, TraceLog trace, CancellationToken cancel)
    {
        if (view.ServedAt(to.Address).Count > 0)
        {
            if (view.Route(to.Address, url.Host, url.AbsolutePath) is not { } route)
            {
                trace.Findings.Add(new Finding(Severity.Problem, "no-route", url.Host, $"no Ingress at {to.Address} has a rule for {url.Host}{url.AbsolutePath}", $"hosts there: {string.Join(", ", view.ServedAt(to.Address).SelectMany(RouteChoice.Hosts).Distinct())}", "kubectl get ingresses -A"));
                return;
            }
            var endpoints = view.Endpoints(route);
            trace.Step("route", $"{route.Words} → svc/{route.Backend.Service?.Name}:{route.Backend.Service?.Port?.Name ?? route.Backend.Service?.Port?.Number?.ToString(CultureInfo.InvariantCulture)}");
            var named = endpoints.FirstOrDefault(name => body.Contains(name, StringComparison.Ordinal));
            trace.Step("upstream", named is not null ? $"pod/{named}: the answer names it" : endpoints.Count == 1 ? $"{endpoints[0]}, the only one" : $"one of {PodFacts.Names(endpoints)}; the answer does not tell which");
        }
        else if (body.StartsWith("You've hit ", StringComparison.Ordinal))
        {
            // fairlead echo: it tells whom it sees, and the connection leads to the same pod again.
            if (await request.GetTextAsync(new Uri(url, "/clientip"), cancel) is { } seen) trace.Step("seen", $"the server saw {seen.Trim()}");
        }
    }
}
