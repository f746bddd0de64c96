using System.Globalization;
using System.Net;
using Fairlead.Doctor.Diagnose;
using Fairlead.Doctor.Snapshot;
using k8s.Models;

namespace Fairlead.Doctor.Observe;

/// <summary>Looks from the nodes of this machine at what the objects promise; for one examination. Everything is looked at at the same time.</summary>
internal sealed class Observer(ILocalCluster cluster, TimeProvider time) : IDisposable
{
    private const int MostEndpoints = 20, ProxyHealthPort = 10256;
    private readonly Exchange _exchange = new(time);
    private readonly Looks _looks = new(cluster, new Exchange(time), time);

    public void Dispose() => _looks.Dispose();

    internal async Task<Observations> OfServiceAsync(ServiceCase service, V1Service? dns, IReadOnlyList<V1EndpointSlice> dnsSlices, CancellationToken cancel)
    {
        var nodes = NodesAsync(cancel);
        var names = NamesAsync(service, dns, dnsSlices, cancel);
        var kernel = service.IsExternalName || service.IsHeadless ? [] : cluster.Nodes.Select(node => _looks.Kernel(node, service)).ToList();
        var connects = ConnectsAsync(service, cancel);
        var outside = OutsideAsync(service, cancel);
        var health = HealthPortsAsync(service, cancel);
        return new Observations
        {
            HasNodes = true,
            Kernel = kernel,
            Sockets = [.. service.Selected.Select(_looks.Sockets).OfType<PodSockets>()],
            Nodes = await nodes,
            Dns = await names,
            Connects = await connects,
            Outside = await outside,
            HealthPorts = await health,
        };
    }

    internal async Task<DnsSeen?> FromPodAsync(string from, LocalPod pod, string name, CancellationToken cancel)
    {
        if (pod.ResolvConf is not { } text || ResolvConf.Parse(text) is not { Servers: [var first, ..] } settings) return null;
        var server = new IPEndPoint(first, 53);
        DnsAnswer? answer = null;
        foreach (var candidate in settings.Candidates(name))
        {
            answer = await _exchange.AskAsync(pod.NetworkNamespace, server, candidate, cancel);
            if (answer.Outcome is DnsOutcome.Answered or DnsOutcome.Silent) break;
        }
        return answer is null ? null : new DnsSeen(from, server, true, answer);
    }

    internal PodSockets? Sockets(V1Pod pod) => _looks.Sockets(pod);

    /// <summary>What an Ingress' address answers for its hosts, from this machine.</summary>
    internal Task<HttpSeen[]> RequestsAsync(V1Ingress ingress, CancellationToken cancel)
    {
        var address = ingress.Status?.LoadBalancer?.Ingress?.Select(entry => entry.Ip).FirstOrDefault(ip => IPAddress.TryParse(ip, out _));
        var hosts = RouteChoice.Hosts(ingress).Where(host => !host.Contains('*', StringComparison.Ordinal)).DefaultIfEmpty(address ?? "");
        return address is null ? Task.FromResult<HttpSeen[]>([])
            : Task.WhenAll(hosts.Select(host => _exchange.GetAsync("this machine", null, $"http://{address}/", host, cancel)));
    }

    private async Task<IReadOnlyList<NodeSeen>> NodesAsync(CancellationToken cancel)
    {
        var running = await Task.WhenAll(cluster.Nodes.Select(async node =>
        {
            var url = string.Create(CultureInfo.InvariantCulture, $"http://{node.Address}:{ProxyHealthPort}/healthz");
            var state = !node.AgentRuns ? NodeState.Down : (await _looks.GetAsync(node, url, cancel)).Status is null ? NodeState.Silent : NodeState.Well;
            return new NodeSeen(node.Name, state, $"fairlead node start {node.Name}{cluster.NameOption}");
        }));
        return [.. running, .. cluster.Stopped.Select(name => new NodeSeen(name, NodeState.Stopped, $"fairlead node start {name}{cluster.NameOption}"))];
    }

    private async Task<IReadOnlyList<DnsSeen>> NamesAsync(ServiceCase service, V1Service? dns, IReadOnlyList<V1EndpointSlice> slices, CancellationToken cancel)
    {
        if (!IPAddress.TryParse(dns?.Spec?.ClusterIP, out var address) || cluster.Nodes.Count == 0) return [];
        var asked = cluster.Nodes.Select(node => (Node: node, Server: new IPEndPoint(address, 53), IsService: true)).ToList();
        var endpoints = slices.Where(slice => slice.AddressType == "IPv4").SelectMany(slice => (slice.Ports ?? []).Where(port => port.Protocol == "UDP" && port.Port is > 0)
            .SelectMany(port => (slice.Endpoints ?? []).Where(endpoint => endpoint.Conditions?.Ready != false).SelectMany(endpoint => endpoint.Addresses).Select(text => new IPEndPoint(IPAddress.Parse(text), port.Port!.Value))));
        // One node suffices to see whether a server lives; the service's address is asked from all.
        asked.AddRange(endpoints.Distinct().Take(MostEndpoints).Select(server => (cluster.Nodes[0], server, false)));
        return await Task.WhenAll(asked.Select(async item => new DnsSeen(item.Node.Name, item.Server, item.IsService, await _looks.AskAsync(item.Node, item.Server, service.FullName, cancel))));
    }

    private async Task<IReadOnlyList<ConnectSeen>> ConnectsAsync(ServiceCase service, CancellationToken cancel)
    {
        var endpoints = SliceCheck.Ready(service).SelectMany(item => (item.Slice.Ports ?? []).Where(port => port.Protocol is null or "TCP" && port.Port is > 0)
            .SelectMany(port => (item.Endpoint.Addresses ?? []).Take(1).Where(text => IPAddress.TryParse(text, out _)).Select(text => new IPEndPoint(IPAddress.Parse(text), port.Port!.Value)))).Distinct().Take(MostEndpoints);
        var addresses = Addresses(service.Service.Spec?.ClusterIPs).SelectMany(address => Tcp(service).Select(port => new IPEndPoint(address, port.Port)));
        var all = endpoints.Select(to => (To: to, IsEndpoint: true)).Concat(addresses.Select(to => (To: to, IsEndpoint: false)))
            .SelectMany(item => cluster.Nodes.Select(node => (Node: node, item.To, item.IsEndpoint)));
        return await Task.WhenAll(all.Select(async item =>
        {
            var (outcome, took) = await _looks.ConnectAsync(item.Node, item.To, cancel);
            return new ConnectSeen(item.Node.Name, item.To, item.IsEndpoint, outcome, took);
        }));
    }

    /// <summary>From this machine, which is outside the cluster: the load balancer's addresses, and the port of each node.</summary>
    private async Task<IReadOnlyList<OutsideSeen>> OutsideAsync(ServiceCase service, CancellationToken cancel)
    {
        var balancer = Addresses(service.Service.Status?.LoadBalancer?.Ingress?.Select(entry => entry.Ip)).SelectMany(address => Tcp(service).Select(port => (To: new IPEndPoint(address, port.Port), Node: (string?)null)));
        var ports = Tcp(service).Where(port => port.NodePort is > 0).SelectMany(port => cluster.Nodes.Select(node => (To: new IPEndPoint(IPAddress.Parse(node.Address), port.NodePort!.Value), Node: (string?)node.Name)));
        return await Task.WhenAll(balancer.Concat(ports).Select(async item =>
        {
            var (outcome, took) = await _looks.ConnectAsync(null, item.To, cancel);
            return new OutsideSeen(item.To, item.Node, _looks.SourceTo(item.To.Address), outcome, took);
        }));
    }

    private async Task<IReadOnlyList<HttpSeen>> HealthPortsAsync(ServiceCase service, CancellationToken cancel) =>
        service.Service.Spec?.HealthCheckNodePort is > 0 and { } port
            ? await Task.WhenAll(cluster.Nodes.Select(node => _looks.GetAsync(node, string.Create(CultureInfo.InvariantCulture, $"http://{node.Address}:{port}/healthz"), cancel))) : [];

    private static IEnumerable<V1ServicePort> Tcp(ServiceCase service) => service.Ports.Where(port => PodFacts.Protocol(port) == "TCP");

    private static IEnumerable<IPAddress> Addresses(IEnumerable<string>? texts) => (texts ?? []).Select(text => IPAddress.TryParse(text, out var address) ? address : null).OfType<IPAddress>();
}
