using System.CommandLine;
using System.Net;
using Fairlead.Kube.Client;
using Fairlead.Proxy;
using Fairlead.Terminal;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Commands;

/// <summary>The flags of `fairlead proxy`, under kube-proxy's names, and what they come to on this node.</summary>
internal sealed class ProxyCommandOptions
{
    private const string ClusterCidr = "ClusterCIDR", NodeCidr = "NodeCIDR", BridgeInterface = "BridgeInterface", InterfaceNamePrefix = "InterfaceNamePrefix", Primary = "primary";
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(1);
    private readonly Option<string> _host = new("--hostname-override") { Description = "Name of this node; default: the host name.", DefaultValueFactory = _ => System.Net.Dns.GetHostName() };
    private readonly Option<string> _mode = new("--detect-local-mode")
    {
        Description = $"How pods are told from others, whose traffic to cluster IPs is masqueraded: {ClusterCidr} (--cluster-cidr), {NodeCidr} (its Node's podCIDRs), {BridgeInterface} or {InterfaceNamePrefix}.",
        DefaultValueFactory = _ => ClusterCidr,
    };
    private readonly Option<string?> _pods = new("--cluster-cidr") { Description = "Ranges of pod addresses, with commas between; what comes from elsewhere is masqueraded." };
    private readonly Option<string?> _bridge = new("--pod-bridge-interface") { Description = $"The bridge by which this node's pods come, with {BridgeInterface}." };
    private readonly Option<string?> _prefix = new("--pod-interface-name-prefix") { Description = $"How the names of this node's pods' links begin, with {InterfaceNamePrefix}." };
    private readonly Option<string?> _services = new("--service-cluster-ip-range") { Description = "Ranges of cluster IPs, beside the API's ServiceCIDRs; unknown addresses of them are rejected." };
    private readonly Option<string?> _nodePorts = new("--nodeport-addresses") { Description = $"Ranges of this node's addresses on which node ports answer, or {Primary}: those that its Node names first; default: all." };
    private readonly Option<bool> _localhost = new("--iptables-localhost-nodeports", "--localhost-nodeports") { Description = "Node ports answer on 127.0.0.1 too." };

    public ProxyCommandOptions() => _mode.AcceptOnlyFromAmong(ClusterCidr, NodeCidr, BridgeInterface, InterfaceNamePrefix);

    public IEnumerable<Option> All => [_host, _mode, _pods, _bridge, _prefix, _services, _nodePorts, _localhost];

    /// <summary>The settings; waits for this node's Node where they depend on it.</summary>
    /// <exception cref="UserException">They cannot work.</exception>
    public async Task<ServiceProxyOptions> ResolveAsync(ParseResult parse, KubeClient client, ILogger log, TimeProvider time, CancellationToken cancel)
    {
        var (mode, host, primary) = (parse.GetValue(_mode), parse.GetValue(_host)!, parse.GetValue(_nodePorts) == Primary);
        var node = mode == NodeCidr || primary ? await NodeAsync(client, host, node => (mode != NodeCidr || PodRanges(node).Count > 0) && (!primary || Addresses(node).Count > 0), log, time, cancel) : null;
        var options = new ServiceProxyOptions
        {
            NodeName = host,
            ClusterNetworks = mode switch { ClusterCidr => Networks(parse.GetValue(_pods)), NodeCidr => PodRanges(node!), _ => [] },
            PodLink = mode switch
            {
                BridgeInterface => Given(parse, _bridge, mode),
                InterfaceNamePrefix => Given(parse, _prefix, mode) + "*",
                _ => null,
            },
            ServiceNetworks = Networks(parse.GetValue(_services)),
            NodePortNetworks = primary ? Addresses(node!) : Networks(parse.GetValue(_nodePorts)),
            LocalhostNodePorts = parse.GetValue(_localhost),
            IPv6 = Directory.Exists("/proc/sys/net/ipv6"),
        };
        return options.Validate() is { Count: > 0 } errors ? throw new UserException(string.Join("; ", errors)) : options;
    }

    /// <summary>A comma-separated list of ranges, as kube-proxy takes it.</summary>
    internal static IReadOnlyList<IPNetwork> Networks(string? text) =>
    [
        .. (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(part => IPNetwork.TryParse(part, out var network) ? network : throw new UserException($"{part} is not a range such as 10.244.0.0/16")),
    ];

    private static string Given(ParseResult parse, Option<string?> option, string mode) =>
        parse.GetValue(option) is { Length: > 0 } value ? value : throw new UserException($"--detect-local-mode {mode} needs {option.Name}");

    private static IReadOnlyList<IPNetwork> PodRanges(V1Node node) => Networks(string.Join(',', node.Spec?.PodCIDRs ?? []));

    /// <summary>The first internal address of each family, else the first external one.</summary>
    private static IReadOnlyList<IPNetwork> Addresses(V1Node node) =>
    [
        .. (node.Status?.Addresses ?? []).Where(address => address.Type is "InternalIP" or "ExternalIP").OrderBy(address => address.Type == "InternalIP" ? 0 : 1)
            .Select(address => IPAddress.TryParse(address.Address, out var parsed) ? parsed : null).OfType<IPAddress>()
            .DistinctBy(address => address.AddressFamily).Select(address => new IPNetwork(address, address.GetAddressBytes().Length * 8)),
    ];

    private static async Task<V1Node> NodeAsync(KubeClient client, string name, Func<V1Node, bool> isComplete, ILogger log, TimeProvider time, CancellationToken cancel)
    {
        while (true)
        {
            string why;
            try
            {
                if (await client.FindAsync(ApiResources.Nodes, null, name, cancel) is { } node && isComplete(node)) return node;
                why = "its Node is not there, or has no pod range or address yet";
            }
            catch (Exception e) when (e is KubeApiException or HttpRequestException)
            {
                why = e.Message;
            }
            ProxyCommandLog.Waiting(log, name, why);
            await Task.Delay(Retry, time, cancel);
        }
    }
}

internal static partial class ProxyCommandLog
{
    [LoggerMessage(7920, LogLevel.Information, "node {Node}: waiting: {Why}")]
    public static partial void Waiting(ILogger log, string node, string why);
}
