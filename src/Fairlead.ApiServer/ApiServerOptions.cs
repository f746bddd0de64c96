using System.Net;
using System.Security.Cryptography.X509Certificates;
using Fairlead.ApiServer.Allocation;
using Fairlead.ApiServer.Security;

namespace Fairlead.ApiServer;

/// <summary>How to run an API server.</summary>
public sealed record ApiServerOptions
{
    /// <summary>Where to listen, with TLS.</summary>
    public required IReadOnlyList<IPEndPoint> Listen { get; init; }

    public required X509Certificate2 ServingCertificate { get; init; }

    /// <summary>Signers of client certificates and of the nodes' certificates.</summary>
    public required X509Certificate2Collection ClientAuthorities { get; init; }

    /// <summary>What this server is to the nodes' kubelet API.</summary>
    public required X509Certificate2 KubeletClientCertificate { get; init; }

    /// <summary>Where pods and nodes reach this server: the endpoint of default/kubernetes.</summary>
    public required IPEndPoint AdvertiseAddress { get; init; }

    /// <summary>Cluster addresses of Services; the first is default/kubernetes'.</summary>
    public IPNetwork ServiceRange { get; init; } = IPNetwork.Parse("10.96.0.0/16");

    public int FirstNodePort { get; init; } = 30000;
    public int LastNodePort { get; init; } = 32767;

    /// <summary>Bearer tokens and who they are.</summary>
    public IReadOnlyDictionary<string, User> Tokens { get; init; } = new Dictionary<string, User>();

    internal AddressRange Addresses => new(ServiceRange);

    /// <summary>Everything wrong with the options, in the words of the command line.</summary>
    internal IEnumerable<string> Validate()
    {
        var address = AdvertiseAddress.Address;
        if (IPAddress.IsLoopback(address) || address.IsIPv6LinkLocal || address.GetAddressBytes() is [169, 254, ..])
            yield return $"--advertise-address {address} is of this machine alone and cannot be the endpoint of a Service; name an address that pods and nodes reach";
        else if (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any) || address.IsIPv6Multicast || address.GetAddressBytes() is [>= 224, _, _, _])
            yield return $"--advertise-address {address} is no address of a machine; name an address that pods and nodes reach";
        if (AdvertiseAddress.Port is 0) yield return "the advertised port is 0";
        if (ServiceRange.PrefixLength > (ServiceRange.BaseAddress.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? 30 : 126))
            yield return $"--service-cluster-ip-range {ServiceRange} has no room for Services; give it at least four addresses";
        if (FirstNodePort < 1 || LastNodePort > ushort.MaxValue || FirstNodePort > LastNodePort)
            yield return $"--service-node-port-range {FirstNodePort}-{LastNodePort} is no range of ports";
    }
}

/// <summary>The server cannot run with these options; the message says in one line why and what to do.</summary>
public sealed class ApiServerOptionsException(string message) : Exception(message);
