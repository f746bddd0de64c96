using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.HTTP.Tunnels;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;

namespace Fairlead.ApiServer.HTTP.Proxying;

/// <summary>Where a proxied request goes.</summary>
/// <param name="Node">The node through which the address is reached; null: directly.</param>
/// <param name="IsNode">The node's own kubelet API, which knows this server by its certificate.</param>
internal sealed record ProxyTarget(string Scheme, IPEndPoint Address, NodeEndPoint? Node, bool IsNode);

/// <summary>Finds the target of the proxy subresources of pods, services and nodes.</summary>
internal sealed class ProxyTargets(Registry registry)
{
    private const int KubeletPort = 10250;

    public ProxyTarget Find(ApiRequest request)
    {
        var name = ProxyName.Parse(request.Name);
        return request.Kind!.Plural switch
        {
            "pods" => OfPod(request.Kind, request.Namespace, name),
            "services" => OfService(request.Kind, request.Namespace, name),
            _ => OfNode(name),
        };
    }

    /// <summary>The kubelet API of a node.</summary>
    public NodeEndPoint KubeletOf(string node)
    {
        var tree = registry.Get(registry.Kinds.Find("", "v1", "nodes")!, "", node).ToTree();
        var address = tree.Items("status", "addresses").FirstOrDefault(pair => pair.Item.Text("type") == "InternalIP").Item.Text("address");
        if (!IPAddress.TryParse(address, out var ip)) throw ApiError.Unavailable($"node {node} has no InternalIP");
        return new NodeEndPoint(node, new IPEndPoint(ip, (int)(tree.Number("status", "daemonEndpoints", "kubeletEndpoint", "Port") ?? KubeletPort)));
    }

    private ProxyTarget OfPod(Kind kind, string ns, ProxyName name)
    {
        var pod = registry.Get(kind, ns, name.Name).ToTree();
        if (!IPAddress.TryParse(pod.Text("status", "podIP"), out var address)) throw ApiError.BadRequest($"address not allowed: pod {name.Name} has no address yet");
        var first = pod.Items("spec", "containers").SelectMany(container => container.Item.Items("ports")).Select(port => port.Item.Number("containerPort")).FirstOrDefault();
        var port = name.Port.Length > 0 ? Number(name.Port) : (int)(first ?? DefaultPort(name.Scheme));
        return new ProxyTarget(SchemeOf(name), new IPEndPoint(address, port), pod.Text("spec", "nodeName") is { Length: > 0 } node ? KubeletOf(node) : null, false);
    }

    private ProxyTarget OfNode(ProxyName name)
    {
        var kubelet = KubeletOf(name.Name);
        if (name.Port.Length == 0 || Number(name.Port) == kubelet.Address.Port) return new ProxyTarget("https", kubelet.Address, kubelet, true);
        return new ProxyTarget(SchemeOf(name), new IPEndPoint(kubelet.Address.Address, Number(name.Port)), kubelet, false);
    }

    /// <summary>A ready endpoint of the service, by chance.</summary>
    private ProxyTarget OfService(Kind kind, string ns, ProxyName name)
    {
        var service = registry.Get(kind, ns, name.Name).ToTree();
        var ports = service.Items("spec", "ports").Select(port => port.Item).ToList();
        var port = ports.FirstOrDefault(port => name.Port.Length == 0 ? ports.Count == 1 || port.Text("name") is null or "" : port.Text("name") == name.Port || Text(port.Number("port")) == name.Port)
            ?? throw ApiError.Unavailable($"no service port \"{name.Port}\" found for service \"{name.Name}\"");
        var portName = port.Text("name") ?? "";
        var slices = registry.Cache.Snapshot(registry.Kinds.Find("discovery.k8s.io", "v1", "endpointslices")!).Objects.Values
            .Where(slice => slice.Namespace == ns && slice.Labels.GetValueOrDefault("kubernetes.io/service-name") == name.Name)
            .Select(slice => slice.ToTree());
        var candidates = slices.SelectMany(slice => Endpoints(slice, portName)).ToList();
        if (candidates.Count == 0) throw ApiError.Unavailable($"no endpoints available for service \"{name.Name}\"");
        var (address, node) = candidates[Random.Shared.Next(candidates.Count)];
        return new ProxyTarget(SchemeOf(name), address, node is null ? null : KubeletOf(node), false);
    }

    private static IEnumerable<(IPEndPoint Address, string? Node)> Endpoints(JsonObject slice, string portName)
    {
        var number = slice.Items("ports").Where(port => (port.Item.Text("name") ?? "") == portName).Select(port => port.Item.Number("port")).FirstOrDefault();
        if (number is not { } port) yield break;
        foreach (var (_, endpoint) in slice.Items("endpoints"))
        {
            if (endpoint.Flag("conditions", "ready") == false) continue;
            if (endpoint.Texts("addresses").FirstOrDefault() is { } text && IPAddress.TryParse(text, out var address))
                yield return (new IPEndPoint(address, (int)port), endpoint.Text("nodeName"));
        }
    }

    private static string SchemeOf(ProxyName name) => name.Scheme == "https" ? "https" : "http";

    private static int DefaultPort(string scheme) => scheme == "https" ? 443 : 80;

    private static string? Text(long? number) => number?.ToString(CultureInfo.InvariantCulture);

    private static int Number(string port) =>
        ushort.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
            ? number
            : throw ApiError.BadRequest($"invalid port \"{port}\" in the proxy's path");
}
