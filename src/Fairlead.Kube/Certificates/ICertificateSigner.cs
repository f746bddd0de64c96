namespace Fairlead.Kube.Certificates;

/// <summary>A certificate that is to be made of a request.</summary>
/// <param name="Request">PKCS#10, as PEM.</param>
/// <param name="Usages">As in a CertificateSigningRequest: <c>digital signature</c>, <c>client auth</c>, …</param>
/// <param name="Life">From now; the signer shortens it where its own certificate ends sooner.</param>
public sealed record CertificateOrder(ReadOnlyMemory<byte> Request, IReadOnlyCollection<string> Usages, TimeSpan Life);

/// <summary>Whoever holds the key of the cluster's authority. It signs what it is given: whether to is decided before.</summary>
public interface ICertificateSigner
{
    /// <summary>Answers the certificate as PEM.</summary>
    /// <exception cref="System.Security.Cryptography.CryptographicException">The request cannot be read, or its signature does not hold.</exception>
    string Sign(CertificateOrder order);
}
