using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Fairlead.ApiServer.Allocation;
using Fairlead.ApiServer.Security;
using Fairlead.ApiServer.Security.Audit;

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

    /// <summary>Cluster addresses of Services: one range, or one of each address family, the default first, whose first address is default/kubernetes'.</summary>
    public IReadOnlyList<IPNetwork> ServiceRanges { get; init; } = [IPNetwork.Parse("10.96.0.0/16")];

    public int FirstNodePort { get; init; } = 30000;
    public int LastNodePort { get; init; } = 32767;

    /// <summary>Bearer tokens and who they are.</summary>
    public IReadOnlyDictionary<string, User> Tokens { get; init; } = new Dictionary<string, User>();

    /// <summary>Signs the tokens of service accounts; ECDSA P-256.</summary>
    public required ECDsa ServiceAccountKey { get; init; }

    /// <summary>Who those tokens are from, and their default audience.</summary>
    public string ServiceAccountIssuer { get; init; } = "https://kubernetes.default.svc.cluster.local";

    /// <summary>Admission plugins that are off, by Kubernetes' names.</summary>
    public IReadOnlyCollection<string> DisabledAdmission { get; init; } = [];

    /// <summary>Requests that read, and that change, which are served at once; the others wait, or are told to come again. 0: no limit.</summary>
    public int MaxRequestsInFlight { get; init; } = 400;

    public int MaxMutatingRequestsInFlight { get; init; } = 200;

    /// <summary>For a request that is neither watch nor stream.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Null: nothing is written down.</summary>
    public AuditOptions? Audit { get; init; }

    /// <summary>Which objects the store holds encrypted, and how: an apiserver.config.k8s.io/v1 EncryptionConfiguration, readable by its owner alone. Null: none.</summary>
    public string? EncryptionProviderConfig { get; init; }

    /// <summary>What <c>kubectl get componentstatuses</c> tells of besides the store.</summary>
    public IReadOnlyList<Component> Components { get; init; } = [];

    internal IReadOnlyList<AddressRange> Addresses => [.. ServiceRanges.Select(range => new AddressRange(range))];

    /// <summary>Everything wrong with the options, in the words of the command line.</summary>
    internal IEnumerable<string> Validate()
    {
        var address = AdvertiseAddress.Address;
        if (IPAddress.IsLoopback(address) || address.IsIPv6LinkLocal || address.GetAddressBytes() is [169, 254, ..])
            yield return $"--advertise-address {address} is of this machine alone and cannot be the endpoint of a Service; name an address that pods and nodes reach";
        else if (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any) || address.IsIPv6Multicast || address.GetAddressBytes() is [>= 224, _, _, _])
            yield return $"--advertise-address {address} is no address of a machine; name an address that pods and nodes reach";
        if (AdvertiseAddress.Port is 0) yield return "the advertised port is 0";
        foreach (var range in ServiceRanges.Where(range => !AddressRange.IsUsable(range)))
            yield return $"--service-cluster-ip-range {range} has no room for Services; give it at least four addresses";
        if (ServiceRanges.Count == 0 || ServiceRanges.DistinctBy(range => range.BaseAddress.AddressFamily).Count() < ServiceRanges.Count)
            yield return $"--service-cluster-ip-range {string.Join(',', ServiceRanges)} is not one range, or one of IPv4 and one of IPv6";
        if (FirstNodePort < 1 || LastNodePort > ushort.MaxValue || FirstNodePort > LastNodePort)
            yield return $"--service-node-port-range {FirstNodePort}-{LastNodePort} is no range of ports";
        if (MaxRequestsInFlight < 0) yield return $"--max-requests-inflight {MaxRequestsInFlight} is no number of requests; 0 is without limit";
        if (MaxMutatingRequestsInFlight < 0) yield return $"--max-mutating-requests-inflight {MaxMutatingRequestsInFlight} is no number of requests; 0 is without limit";
        if (RequestTimeout <= TimeSpan.Zero) yield return "--request-timeout must be longer than nothing";
        foreach (var error in Audit?.Validate() ?? []) yield return error;
    }
}

/// <summary>A part of the control plane.</summary>
/// <param name="Name">As Kubernetes names it: scheduler, controller-manager.</param>
/// <param name="Failure">Why it does not work, or null. Called from any thread.</param>
public sealed record Component(string Name, Func<string?> Failure);

/// <summary>The server cannot run with these options; the message says in one line why and what to do.</summary>
public sealed class ApiServerOptionsException(string message) : Exception(message);
