using System.Collections.Immutable;
using System.Formats.Asn1;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Fairlead.Kube.Certificates;

/// <summary>What a PKCS#10 request (RFC 2986) asks to be certified, read out of its PEM.</summary>
/// <param name="CommonName">Empty where the subject has none.</param>
/// <param name="HasOtherNames">Whether it asks for e-mail addresses, URIs or other names that are neither DNS names nor addresses.</param>
public sealed record SigningRequest(
    string CommonName, ImmutableArray<string> Organizations, ImmutableArray<string> DnsNames, ImmutableArray<IPAddress> Addresses, bool HasOtherNames)
{
    /// <summary>The label between the dashes (RFC 7468, section 7).</summary>
    public const string PemLabel = "CERTIFICATE REQUEST";

    private const string CommonNameOid = "2.5.4.3", OrganizationOid = "2.5.4.10", AlternativeNamesOid = "2.5.29.17";

    /// <summary>Reads and checks that whoever asks has the key. Null: it is no request, or its signature does not hold.</summary>
    public static SigningRequest? TryRead(ReadOnlySpan<byte> pem)
    {
        try
        {
            return Load(pem) is { } request ? Read(request) : null;
        }
        catch (Exception e) when (e is CryptographicException or AsnContentException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>The same for signing: subject, key and the extension of alternative names, everything else left out.</summary>
    /// <exception cref="CryptographicException">It is no request, or its signature does not hold.</exception>
    public static CertificateRequest? Load(ReadOnlySpan<byte> pem)
    {
        var text = Encoding.ASCII.GetString(pem);
        if (!PemEncoding.TryFind(text, out var fields) || text[fields.Label] != PemLabel) return null;
        return CertificateRequest.LoadSigningRequestPem(
            text, HashAlgorithmName.SHA256, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions, RSASignaturePadding.Pkcs1);
    }

    /// <summary>The extension with the alternative names that are asked for; null: none.</summary>
    public static X509Extension? AlternativeNames(CertificateRequest request) =>
        request.CertificateExtensions.FirstOrDefault(extension => extension.Oid?.Value == AlternativeNamesOid);

    private static SigningRequest Read(CertificateRequest request)
    {
        var subject = request.SubjectName.EnumerateRelativeDistinguishedNames().Where(part => !part.HasMultipleElements)
            .Select(part => (Type: part.GetSingleElementType().Value, Value: part.GetSingleElementValue() ?? "")).ToList();
        var (names, addresses, others) = AlternativeNames(request) is { } extension
            ? ReadNames(new X509SubjectAlternativeNameExtension(extension.RawData, extension.Critical))
            : ([], [], false);
        return new SigningRequest(
            subject.LastOrDefault(part => part.Type == CommonNameOid).Value ?? "",
            [.. subject.Where(part => part.Type == OrganizationOid).Select(part => part.Value)], names, addresses, others);
    }

    private static (ImmutableArray<string> Names, ImmutableArray<IPAddress> Addresses, bool Others) ReadNames(X509SubjectAlternativeNameExtension extension)
    {
        ImmutableArray<string> names = [.. extension.EnumerateDnsNames()];
        ImmutableArray<IPAddress> addresses = [.. extension.EnumerateIPAddresses()];
        var count = 0;
        for (var all = new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence(); all.HasData; count++) all.ReadEncodedValue();
        return (names, addresses, count != names.Length + addresses.Length);
    }
}
