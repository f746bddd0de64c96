using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Fairlead.Ingress.Routes.Objects;

namespace Fairlead.Ingress.Tls;

/// <summary>A Secret's certificate with its key and chain, ready to serve. OpenSSL's context is made at the first handshake, and kept: it holds the sessions to resume.</summary>
internal sealed class ServingCertificate
{
    private readonly Lazy<SslStreamCertificateContext> _context;

    private ServingCertificate(X509Certificate2 certificate, X509Certificate2Collection chain)
    {
        NotAfter = certificate.NotAfter;
        _context = new Lazy<SslStreamCertificateContext>(() => SslStreamCertificateContext.Create(certificate, chain, offline: true));
    }

    internal SslStreamCertificateContext Context => _context.Value;

    internal DateTime NotAfter { get; }

    /// <summary>What is wrong with a TLS Secret, or null.</summary>
    internal static string? Check(SecretInfo? secret)
    {
        if (secret is null || secret.Certificate.Length == 0) return "it does not exist, or has no key \"tls.crt\"";
        if (secret.Key.Length == 0) return "it has no key \"tls.key\"";
        return TryLoad(secret, out _, out var problem) ? null : problem;
    }

    internal static bool TryLoad(SecretInfo secret, out ServingCertificate? loaded, out string? problem)
    {
        try
        {
            var certificate = X509Certificate2.CreateFromPem(secret.Certificate, secret.Key);
            var chain = new X509Certificate2Collection();
            chain.ImportFromPem(secret.Certificate);
            loaded = new ServingCertificate(certificate, chain);
            problem = null;
            return true;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            loaded = null;
            problem = $"its certificate and key cannot be used: {e.Message}";
            return false;
        }
    }

    /// <summary>For hosts without a certificate, as every ingress has one.</summary>
    internal static ServingCertificate SelfSigned(TimeProvider time)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Fairlead Ingress Self-Signed Certificate, O=Fairlead", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("ingress.local");
        request.CertificateExtensions.Add(names.Build());
        var now = time.GetUtcNow();
        return new ServingCertificate(request.CreateSelfSigned(now.AddDays(-1), now.AddYears(1)), []);
    }
}
