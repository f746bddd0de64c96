using System.Net;
using Fairlead.Cluster;
using Fairlead.Terminal;

namespace Fairlead.Join;

/// <summary>
/// What every node of a cluster must agree on. The server writes it into the ConfigMap kube-system/fairlead-config under the names of the
/// agent's options, so that nobody types it, and a node keeps it beside its certificates.
/// </summary>
internal sealed record ClusterSettings(string PodRange, string ServiceRange, string ClusterDns, string Domain)
{
    public const string Namespace = "kube-system", Name = "fairlead-config";
    private const string Pods = "cluster-cidr", Services = "service-cluster-ip-range", Dns = "cluster-dns", DomainKey = "cluster-domain";

    public static ClusterSettings Of(string pods, IReadOnlyList<IPNetwork> services)
    {
        // Where the API server puts kube-dns.
        const int DnsAddress = 10;
        var bytes = services[0].BaseAddress.GetAddressBytes();
        bytes[^1] += DnsAddress;
        return new ClusterSettings(pods, string.Join(',', services), new IPAddress(bytes).ToString(), ClusterLauncher.ClusterDomain);
    }

    public Dictionary<string, string> ToData() => new() { [Pods] = PodRange, [Services] = ServiceRange, [Dns] = ClusterDns, [DomainKey] = Domain };

    /// <exception cref="UserException">Something is missing.</exception>
    public static ClusterSettings From(IReadOnlyDictionary<string, string> data)
    {
        string Value(string key) => data.TryGetValue(key, out var value) && value.Length > 0 ? value : throw new UserException($"ConfigMap {Namespace}/{Name} of the cluster has no {key}; restart its `fairlead server`, which writes it");
        return new ClusterSettings(Value(Pods), Value(Services), Value(Dns), Value(DomainKey));
    }
}
