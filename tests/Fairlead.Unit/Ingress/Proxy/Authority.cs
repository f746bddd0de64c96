using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Fairlead.Unit.Ingress.Proxy;

/// <summary>An authority that issues certificates to clients and to authorities below it.</summary>
internal sealed class Authority : IDisposable
{
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";
    private readonly X509Certificate2 _certificate;
    private byte _serial;

    private Authority(X509Certificate2 certificate) => _certificate = certificate;

    public string Pem => _certificate.ExportCertificatePem();

    public X509Certificate2 Certificate => _certificate;

    public static Authority Root(string name)
    {
        var request = Request($"CN={name}", isAuthority: true, out _);
        return new Authority(request.CreateSelfSigned(Now.AddDays(-9), Now.AddDays(9)));
    }

    public Authority Below(string name) => new(Issue($"CN={name}", isAuthority: true, days: 8));

    public X509Certificate2 Client(string name, int days = 7) => Issue(name, isAuthority: false, days);

    /// <summary>A list, as PEM, with these on it.</summary>
    public string Revoking(params X509Certificate2[] certificates)
    {
        var list = new CertificateRevocationListBuilder();
        foreach (var certificate in certificates) list.AddEntry(certificate);
        return PemEncoding.WriteString("X509 CRL", list.Build(_certificate, 1, Now.AddDays(7), HashAlgorithmName.SHA256));
    }

    public void Dispose() => _certificate.Dispose();

    private static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    private X509Certificate2 Issue(string name, bool isAuthority, int days)
    {
        var request = Request(name, isAuthority, out var key);
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(_certificate, true, false));
        using var issued = request.Create(_certificate, Now.AddDays(-8), Now.AddDays(days), [1, ++_serial]);
        using var whole = issued.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(whole.Export(X509ContentType.Pkcs12), null);
    }

    private static CertificateRequest Request(string name, bool isAuthority, out ECDsa key)
    {
        key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(isAuthority, false, 0, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        if (isAuthority) request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        else request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(ClientAuthentication)], false));
        return request;
    }
}
