using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Fairlead.ApiServer.Security;

/// <summary>
/// The usages that a CertificateSigningRequest may name, and what each becomes in a certificate (Kubernetes API reference:
/// "CertificateSigningRequest", spec.usages; RFC 5280, sections 4.2.1.3 and 4.2.1.12).
/// </summary>
internal static class CertificateUsages
{
    private static readonly Dictionary<string, X509KeyUsageFlags> OfKey = new()
    {
        ["signing"] = X509KeyUsageFlags.DigitalSignature,
        ["digital signature"] = X509KeyUsageFlags.DigitalSignature,
        ["content commitment"] = X509KeyUsageFlags.NonRepudiation,
        ["key encipherment"] = X509KeyUsageFlags.KeyEncipherment,
        ["key agreement"] = X509KeyUsageFlags.KeyAgreement,
        ["data encipherment"] = X509KeyUsageFlags.DataEncipherment,
        ["cert sign"] = X509KeyUsageFlags.KeyCertSign,
        ["crl sign"] = X509KeyUsageFlags.CrlSign,
        ["encipher only"] = X509KeyUsageFlags.EncipherOnly,
        ["decipher only"] = X509KeyUsageFlags.DecipherOnly,
    };

    private static readonly Dictionary<string, string> Extended = new()
    {
        ["any"] = "2.5.29.37.0",
        ["server auth"] = "1.3.6.1.5.5.7.3.1",
        ["client auth"] = "1.3.6.1.5.5.7.3.2",
        ["code signing"] = "1.3.6.1.5.5.7.3.3",
        ["email protection"] = "1.3.6.1.5.5.7.3.4",
        ["s/mime"] = "1.3.6.1.5.5.7.3.4",
        ["ipsec end system"] = "1.3.6.1.5.5.7.3.5",
        ["ipsec tunnel"] = "1.3.6.1.5.5.7.3.6",
        ["ipsec user"] = "1.3.6.1.5.5.7.3.7",
        ["timestamping"] = "1.3.6.1.5.5.7.3.8",
        ["ocsp signing"] = "1.3.6.1.5.5.7.3.9",
        ["microsoft sgc"] = "1.3.6.1.4.1.311.10.3.3",
        ["netscape sgc"] = "2.16.840.1.113730.4.1",
    };

    public static string[] All { get; } = [.. OfKey.Keys, .. Extended.Keys];

    /// <summary>The extensions of a certificate that is no authority, for these usages.</summary>
    public static IEnumerable<X509Extension> Extensions(IReadOnlyCollection<string> usages)
    {
        yield return new X509BasicConstraintsExtension(false, false, 0, true);
        var key = usages.Aggregate(X509KeyUsageFlags.None, (flags, usage) => flags | OfKey.GetValueOrDefault(usage));
        if (key != X509KeyUsageFlags.None) yield return new X509KeyUsageExtension(key, true);
        var purposes = new OidCollection();
        foreach (var oid in usages.Select(usage => Extended.GetValueOrDefault(usage)).OfType<string>().Distinct()) purposes.Add(new Oid(oid));
        if (purposes.Count > 0) yield return new X509EnhancedKeyUsageExtension(purposes, false);
    }
}
