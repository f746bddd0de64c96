using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Fairlead.Kube;
using k8s.Models;

namespace Fairlead.Controllers.Cache;

/// <summary>A CertificateSigningRequest: who asks whom for what, and what became of it.</summary>
/// <param name="Request">Base64 of the PEM.</param>
internal sealed record CertificateRequestItem(ObjectKey Key, ObjectMeta Meta, string Signer, string User, ValueList<string> Groups, string Request) : ICached
{
    public ValueList<string> Usages { get; init; } = [];

    /// <summary>How long it shall hold; null: as long as the signer likes.</summary>
    public TimeSpan? Life { get; init; }

    public bool IsApproved { get; init; }
    public bool IsDenied { get; init; }
    public bool HasFailed { get; init; }

    /// <summary>When the last of these was said.</summary>
    public DateTime? Decided { get; init; }

    public bool IsIssued { get; init; }

    /// <summary>The end of what was issued; null where that cannot be read.</summary>
    public DateTime? IssuedUntil { get; init; }

    public byte[] RequestPem => Convert.FromBase64String(Request);

    public static CertificateRequestItem From(V1CertificateSigningRequest request)
    {
        var conditions = request.Status?.Conditions ?? [];
        var certificate = request.Status?.Certificate ?? [];
        return new CertificateRequestItem(
            ObjectKey.Of(request), ObjectMeta.From(request.Metadata), request.Spec.SignerName ?? "", request.Spec.Username ?? "",
            [.. request.Spec.Groups ?? []], Convert.ToBase64String(request.Spec.Request ?? []))
        {
            Usages = [.. request.Spec.Usages ?? []],
            Life = request.Spec.ExpirationSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
            IsApproved = conditions.Any(condition => condition.Type == "Approved"),
            IsDenied = conditions.Any(condition => condition.Type == "Denied"),
            HasFailed = conditions.Any(condition => condition.Type == "Failed"),
            Decided = conditions.Max(condition => condition.LastUpdateTime ?? condition.LastTransitionTime),
            IsIssued = certificate.Length > 0,
            IssuedUntil = certificate.Length > 0 ? EndOf(certificate) : null,
        };
    }

    private static DateTime? EndOf(byte[] pem)
    {
        try
        {
            using var certificate = X509Certificate2.CreateFromPem(Encoding.ASCII.GetString(pem));
            return certificate.NotAfter.ToUniversalTime();
        }
        catch (CryptographicException)
        {
            // Another signer's, and no certificate.
            return null;
        }
    }
}
