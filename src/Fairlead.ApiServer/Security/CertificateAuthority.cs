using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Fairlead.Kube.Certificates;

namespace Fairlead.ApiServer.Security;

/// <summary>
/// The cluster's own certificate authority, kept as <c>ca.crt</c> and <c>ca.key</c> in a folder
/// (Kubernetes documentation: "PKI certificates and requirements"). Keys are ECDSA P-256.
/// </summary>
public sealed class CertificateAuthority : ICertificateSigner
{
    private static readonly TimeSpan CaLifetime = TimeSpan.FromDays(3650);
    private static readonly TimeSpan LeafLifetime = TimeSpan.FromDays(365);
    private static readonly TimeSpan BackDate = TimeSpan.FromMinutes(5);
    private readonly X509Certificate2 _authority;
    private readonly TimeProvider _time;

    private CertificateAuthority(X509Certificate2 authority, TimeProvider time)
    {
        _authority = authority;
        _time = time;
    }

    /// <summary>The authority's certificate as PEM, for those who shall trust it.</summary>
    public string CertificatePem => _authority.ExportCertificatePem();

    /// <summary>Reads the authority from the folder, or makes it there if it is new.</summary>
    /// <exception cref="CryptographicException">The files are there but cannot be read.</exception>
    public static CertificateAuthority OpenOrCreate(string folder, TimeProvider time)
    {
        var certificateFile = Path.Combine(folder, "ca.crt");
        var keyFile = Path.Combine(folder, "ca.key");
        if (!File.Exists(certificateFile)) Create(folder, certificateFile, keyFile, time);
        return new CertificateAuthority(X509Certificate2.CreateFromPemFile(certificateFile, keyFile), time);
    }

    /// <summary>Signs a new certificate for client and server use.</summary>
    /// <param name="commonName">The user's name to the API server.</param>
    /// <param name="organizations">The user's groups.</param>
    /// <param name="hosts">DNS names and addresses under which it serves; empty for a pure client.</param>
    public IssuedCertificate Issue(string commonName, IEnumerable<string> organizations, IEnumerable<string> hosts)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var name = new X500DistinguishedNameBuilder();
        foreach (var organization in organizations) name.AddOrganizationName(organization);
        name.AddCommonName(commonName);
        var request = new CertificateRequest(name.Build(), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], false));
        request.CertificateExtensions.Add(Issuer());
        if (AlternativeNames(hosts) is { } alternatives) request.CertificateExtensions.Add(alternatives);
        var now = _time.GetUtcNow();
        using var certificate = request.Create(_authority, now.AddHours(-1), now + LeafLifetime, RandomNumberGenerator.GetBytes(16));
        return new IssuedCertificate(certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }

    /// <inheritdoc/>
    public string Sign(CertificateOrder order)
    {
        var asked = SigningRequest.Load(order.Request.Span) ?? throw new CryptographicException($"the request is not a PEM block of type {SigningRequest.PemLabel}");
        var request = new CertificateRequest(asked.SubjectName, asked.PublicKey, HashAlgorithmName.SHA256);
        foreach (var extension in CertificateUsages.Extensions(order.Usages)) request.CertificateExtensions.Add(extension);
        request.CertificateExtensions.Add(Issuer());
        if (SigningRequest.AlternativeNames(asked) is { } names) request.CertificateExtensions.Add(names);
        var now = _time.GetUtcNow();
        var until = now + order.Life < _authority.NotAfter ? now + order.Life : _authority.NotAfter;
        using var key = _authority.GetECDsaPrivateKey() ?? throw new CryptographicException("the authority's key is not ECDSA");
        // Clocks of machines differ a little.
        using var certificate = request.Create(
            _authority.SubjectName, X509SignatureGenerator.CreateForECDsa(key), now - BackDate, until, RandomNumberGenerator.GetBytes(16));
        return certificate.ExportCertificatePem() + "\n";
    }

    /// <summary>Whose key signed: authorities that follow each other have one name (RFC 5280, 4.2.1.1).</summary>
    private X509AuthorityKeyIdentifierExtension Issuer() =>
        X509AuthorityKeyIdentifierExtension.CreateFromCertificate(_authority, includeKeyIdentifier: true, includeIssuerAndSerial: false);

    private static X509Extension? AlternativeNames(IEnumerable<string> hosts)
    {
        var builder = new SubjectAlternativeNameBuilder();
        var any = false;
        foreach (var host in hosts)
        {
            any = true;
            if (IPAddress.TryParse(host, out var address)) builder.AddIpAddress(address);
            else builder.AddDnsName(host);
        }
        return any ? builder.Build() : null;
    }

    private static void Create(string folder, string certificateFile, string keyFile, TimeProvider time)
    {
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=fairlead-ca", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign | X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        var now = time.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now.AddHours(-1), now + CaLifetime);
        new IssuedCertificate(certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem()).Save(certificateFile, keyFile);
    }
}

/// <summary>A certificate and its private key, as PEM.</summary>
public sealed record IssuedCertificate(string CertificatePem, string KeyPem)
{
    public X509Certificate2 ToX509() => X509Certificate2.CreateFromPem(CertificatePem, KeyPem);

    /// <summary>Writes both files; only the owner may read the key.</summary>
    public void Save(string certificateFile, string keyFile)
    {
        File.WriteAllText(certificateFile, CertificatePem);
        using var stream = new FileStream(keyFile, new FileStreamOptions
        {
            Mode = FileMode.Create,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        stream.Write(System.Text.Encoding.ASCII.GetBytes(KeyPem));
    }
}
