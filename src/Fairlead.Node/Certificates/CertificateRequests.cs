using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Fairlead.Kube.Certificates;
using Fairlead.Kube.Client;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Certificates;

/// <summary>A certificate that a node wants: for being a client, or for its kubelet API with the names under which that is reached.</summary>
public sealed record WantedCertificate(string Node, string Signer, IReadOnlyList<string> Usages, IPAddress? Address)
{
    /// <summary>Asked for; null: what the signer gives.</summary>
    public TimeSpan? Life { get; init; }

    public static WantedCertificate Client(string node) => new(node, Signers.NodeClient, Signers.ClientUsages, null);

    public static WantedCertificate Serving(string node, IPAddress address) => new(node, Signers.NodeServing, Signers.ServingUsages, address);
}

/// <summary>Someone decided against a request for a certificate; the message says who and why.</summary>
public sealed class CertificateRefusedException(string message) : Exception(message);

/// <summary>Asks the cluster for a certificate with a key that does not leave this machine (Kubernetes documentation: "TLS bootstrapping").</summary>
public sealed class CertificateRequests(ILogger log, TimeProvider time)
{
    private static readonly TimeSpan PollFirst = TimeSpan.FromMilliseconds(20), PollLongest = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan WaitsLong = TimeSpan.FromSeconds(5);

    /// <summary>Asks, and waits until it has the certificate.</summary>
    /// <returns>Certificate and key as PEM, one behind the other.</returns>
    /// <exception cref="CertificateRefusedException">It was denied, cannot be signed, or was deleted.</exception>
    /// <exception cref="KubeApiException">The server refused the request itself.</exception>
    public async Task<string> ObtainAsync(KubeClient client, WantedCertificate wanted, CancellationToken cancel)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var created = await client.CreateAsync(ApiResources.CertificateSigningRequests, new V1CertificateSigningRequest
        {
            Metadata = new V1ObjectMeta { GenerateName = "node-csr-" },
            Spec = new V1CertificateSigningRequestSpec
            {
                Request = Encoding.ASCII.GetBytes(Compose(wanted, key)),
                SignerName = wanted.Signer,
                Usages = [.. wanted.Usages],
                ExpirationSeconds = wanted.Life is { } life ? (int)life.TotalSeconds : null,
            },
        }, cancel);
        var certificate = await WaitAsync(client, created.Metadata.Name, wanted.Signer, cancel);
        return certificate.TrimEnd() + "\n" + key.ExportPkcs8PrivateKeyPem() + "\n";
    }

    private async Task<string> WaitAsync(KubeClient client, string name, string signer, CancellationToken cancel)
    {
        var (began, told) = (time.GetTimestamp(), false);
        for (var poll = PollFirst; ; poll = poll * 2 < PollLongest ? poll * 2 : PollLongest)
        {
            var request = await client.FindAsync(ApiResources.CertificateSigningRequests, null, name, cancel)
                ?? throw new CertificateRefusedException($"certificate request {name} was deleted before it was signed");
            if (request.Status?.Certificate is { Length: > 0 } certificate) return Encoding.ASCII.GetString(certificate);
            if (request.Status?.Conditions?.FirstOrDefault(condition => condition.Type is "Denied" or "Failed") is { } refusal)
                throw new CertificateRefusedException($"certificate request {name} was {(refusal.Type == "Denied" ? "denied" : "not signed")}: {refusal.Message ?? refusal.Reason}");
            if (!told && time.GetElapsedTime(began) > WaitsLong)
            {
                NodeCertificateLog.Waits(log, name, signer);
                told = true;
            }
            await Task.Delay(poll, time, cancel);
        }
    }

    private static string Compose(WantedCertificate wanted, ECDsa key)
    {
        var subject = new X500DistinguishedNameBuilder();
        subject.AddOrganizationName(Signers.NodeGroup);
        subject.AddCommonName(Signers.NodeUserPrefix + wanted.Node);
        var request = new CertificateRequest(subject.Build(), key, HashAlgorithmName.SHA256);
        if (wanted.Address is { } address)
        {
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName(wanted.Node);
            names.AddIpAddress(address);
            request.CertificateExtensions.Add(names.Build());
        }
        return request.CreateSigningRequestPem();
    }
}
