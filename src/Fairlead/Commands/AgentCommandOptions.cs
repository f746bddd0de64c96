using System.Collections.Immutable;
using System.CommandLine;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Fairlead.Cluster;
using Fairlead.Dns;
using Fairlead.Join;
using Fairlead.Kube.Client;
using Fairlead.LoadBalancer.Announce;
using Fairlead.Node;
using Fairlead.Proxy;
using Fairlead.Terminal;
using Microsoft.Extensions.Logging;

namespace Fairlead.Commands;

/// <summary>What a node runs, once it is known who it is.</summary>
/// <param name="Joined">Null: its certificates were given, and are somebody else's to renew.</param>
/// <param name="Ingress">Kubeconfig of the ingress; null: none here.</param>
internal sealed record AgentPlan(
    KubeClientConfiguration Client, JoinedNode? Joined, NodeAgentOptions Node, ServiceProxyOptions Proxy, AnnouncerOptions Announcer, DnsPlan? Names, string? Ingress);

/// <summary>The flags of `fairlead agent`: those of a node with certificates of its own, or those by which it joins and gets them.</summary>
internal sealed class AgentCommandOptions
{
    private const string Pods = "10.244.0.0/16", Services = "10.96.0.0/16";
    private readonly Option<string?> _server = new("--server") { Description = "https://ADDRESS:PORT of the server to join, once; afterwards the node knows it." };
    private readonly Option<string?> _token = new("--token") { Description = "Token to join with, as `fairlead token create` prints it." };
    private readonly Option<string?> _pin = new("--ca-cert-hash", "--discovery-token-ca-cert-hash") { Description = "sha256:… of the cluster's authority, by which the server is known." };
    private readonly Option<string?> _kubeconfig = new("--kubeconfig") { Description = "Kubeconfig file of a node that has certificates of its own, instead of joining." };
    private readonly Option<string> _cluster = new("--cluster") { Description = "Name of the cluster, in folder and cgroup names.", DefaultValueFactory = _ => ClusterPaths.DefaultName };
    private readonly Option<string> _node = new("--node-name") { Description = "Name of this node; default: the host name.", DefaultValueFactory = _ => System.Net.Dns.GetHostName().ToLowerInvariant() };
    private readonly Option<string?> _address = new("--node-ip") { Description = "Address by which the other nodes and the server reach this node; default: the one from which it reaches the server." };
    private readonly Option<string?> _dns = new("--cluster-dns") { Description = "Address of the cluster's DNS service, for pods; default: what the cluster says." };
    private readonly Option<string?> _labels = new("--node-labels") { Description = "Labels to put on the Node: NAME=VALUE, separated by commas." };
    private readonly Option<string[]> _upstreams = DnsCommand.Upstreams();
    private readonly Option<string?> _corefile = CommonOptions.DnsConfig();
    private readonly Option<string?> _ingress = new("--ingress-kubeconfig") { Description = "Kubeconfig file of the ingress, which reads Secrets; without it this node serves no Ingress." };
    private readonly Option<string?> _pods = new("--cluster-cidr") { Description = $"Range of pod addresses; default: what the cluster says, or {Pods}." };
    private readonly Option<string> _vxlan = VxlanOption();
    private readonly Option<string?> _services = new("--service-cluster-ip-range") { Description = $"Range of cluster IPs; default: what the cluster says, or {Services}." };
    private readonly Option<string?> _certificate = new("--tls-cert-file") { Description = "Certificate of this node's kubelet API, with --kubeconfig." };
    private readonly Option<string?> _key = new("--tls-private-key-file") { Description = "Key of that certificate." };
    private readonly Option<string?> _clients = new("--client-ca-file") { Description = "Signer of the certificates of the kubelet API's clients, with --kubeconfig." };
    private readonly Option<string> _runtime = CommonOptions.Runtime();
    private readonly Option<string?> _endpoint = CommonOptions.RuntimeEndpoint();
    private readonly Option<string?> _manifests = CommonOptions.PodManifests();
    private readonly Option<string?> _sysctls = new("--allowed-unsafe-sysctls") { Description = "Sysctls that pods may set besides the safe ones, separated by commas: kernel.msg*,net.core.somaxconn." };
    private readonly BgpCommandOptions _bgp = new();
    private readonly Option<string?> _pulls = new("--pull-network") { Description = "Network namespace from which images are pulled, for example /proc/1/ns/net; default: the agent's own." };

    private readonly KubeletOptions _kubelet = new();

    public IEnumerable<Option> All =>
    [
        .. _kubelet.All,
        _server, _token, _pin, _kubeconfig, _cluster, _node, _address, _labels, _dns, _upstreams, _corefile, _ingress, _pods, _vxlan, _services, _certificate, _key, _clients, _runtime, _endpoint, _manifests, _sysctls, _pulls, .. _bgp.All,
    ];

    /// <summary>Reads the flags, and joins where that is to be done.</summary>
    /// <exception cref="UserException">Something is missing or wrong, or it cannot join.</exception>
    public async Task<AgentPlan> ResolveAsync(ParseResult parse, ILogger log, CancellationToken cancel)
    {
        if (parse.GetValue(_kubeconfig) is { } file) return WithCertificates(parse, file);
        var options = new JoinOptions(parse.GetValue(_cluster)!, parse.GetValue(_node)!, parse.GetValue(_server), parse.GetValue(_token), parse.GetValue(_pin));
        var joined = await new NodeJoin(log, TimeProvider.System).EnterAsync(options, cancel);
        var address = parse.GetValue(_address) is { } text ? Address(text, "--node-ip") : joined.LocalAddress();
        return Compose(parse, joined.Client, joined, address, joined.Serving, [joined.Authority], joined.Settings);
    }

    private AgentPlan WithCertificates(ParseResult parse, string file)
    {
        if (parse.GetValue(_server) is not null || parse.GetValue(_token) is not null) throw new UserException("--kubeconfig and --server with --token exclude each other: a node has certificates, or joins to get them");
        string Needed(Option<string?> option) => parse.GetValue(option) ?? throw new UserException($"{option.Name} is needed with --kubeconfig");
        var serving = X509Certificate2.CreateFromPemFile(Needed(_certificate), Needed(_key));
        var clients = X509CertificateLoader.LoadCertificateFromFile(Needed(_clients));
        return Compose(parse, KubeClientConfiguration.FromFile(file), null, Address(Needed(_address), "--node-ip"), new RenewableCertificate(serving), [clients], null);
    }

    private AgentPlan Compose(
        ParseResult parse, KubeClientConfiguration client, JoinedNode? joined, IPAddress address, RenewableCertificate serving, X509Certificate2Collection clients, ClusterSettings? settings)
    {
        var pods = ProxyCommandOptions.Networks(parse.GetValue(_pods) ?? settings?.PodRange ?? Pods);
        var dns = parse.GetValue(_dns) ?? settings?.ClusterDns;
        var node = new NodeAgentOptions
        {
            ClusterName = parse.GetValue(_cluster)!,
            NodeName = parse.GetValue(_node)!,
            InternalAddress = address,
            Labels = Labels(parse.GetValue(_labels)),
            ClusterDns = dns is null ? null : Address(dns, "--cluster-dns"),
            ClusterNetwork = pods.Select(network => (IPNetwork?)network).FirstOrDefault(),
            Vxlan = parse.GetValue(_vxlan) switch { "always" => VxlanMode.Always, "cross-subnet" => VxlanMode.CrossSubnet, _ => VxlanMode.Never },
            ClusterDomain = settings?.Domain ?? ClusterLauncher.ClusterDomain,
            ServingCertificate = serving,
            ClientAuthorities = clients,
            PullNetwork = parse.GetValue(_pulls),
            AllowedUnsafeSysctls = (parse.GetValue(_sysctls) ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries),
            ShutdownGrace = _kubelet.Shutdown(parse),
            ImageLimits = _kubelet.Limits(parse),
            PodManifestPath = parse.GetValue(_manifests),
            RuntimeEndpoint = parse.GetValue(_endpoint) is { } endpoint ? CommonOptions.SocketOf(endpoint) : null,
            Runtime = CommonOptions.Runtime(parse.GetValue(_runtime)!),
        };
        var proxy = new ServiceProxyOptions
        {
            NodeName = node.NodeName,
            ClusterNetworks = pods,
            ServiceNetworks = ProxyCommandOptions.Networks(parse.GetValue(_services) ?? settings?.ServiceRange ?? Services),
        };
        var announcer = new AnnouncerOptions { NodeName = node.NodeName, NodeAddress = address, Bgp = _bgp.Read(parse), KeepsLayer2 = _bgp.KeepsLayer2(parse) };
        return new AgentPlan(client, joined, node, proxy, announcer, node.ClusterDns is null ? null : Names(parse, node), parse.GetValue(_ingress));
    }

    private DnsPlan Names(ParseResult parse, NodeAgentOptions node)
    {
        var listen = new IPEndPoint(node.InternalAddress, NodeService.DnsPort);
        var block = DnsCommand.Block(parse.GetValue(_upstreams), null);
        return parse.GetValue(_corefile) is { } file
            ? DnsPlan.OfNode(file, node.NodeName, listen, node.ClusterDomain, block.Forward[^1].Servers)
            : new DnsPlan(new ClusterDnsOptions { Listen = [listen], Zone = new ZoneOptions { Domain = node.ClusterDomain }, Blocks = [block] });
    }

    private static Option<string> VxlanOption()
    {
        var option = new Option<string>("--vxlan")
        {
            Description = "Wrap packets to pods of other nodes in VXLAN: never, cross-subnet (to nodes on other networks than this one's), or always. The same on all nodes.",
            DefaultValueFactory = _ => "never",
        };
        option.AcceptOnlyFromAmong("never", "cross-subnet", "always");
        return option;
    }

    private static IPAddress Address(string text, string option) => IPAddress.TryParse(text, out var address) ? address : throw new UserException($"{option} {text} is not an address");

    private static ImmutableDictionary<string, string> Labels(string? text) => (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries)
        .Select(pair => pair.Split('=', 2) is [{ Length: > 0 } name, var value] ? (name, value) : throw new UserException($"--node-labels: {pair} is not NAME=VALUE"))
        .ToImmutableDictionary(pair => pair.name, pair => pair.value);
}
