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
}
