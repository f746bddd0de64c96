using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Fairlead.Join;

/// <summary>
/// The fingerprint of a cluster's authority, as kubeadm's --discovery-token-ca-cert-hash has it: SHA-256 of the certificate's
/// SubjectPublicKeyInfo (RFC 7469, section 2.4, in hexadecimal), so that a machine knows whom it joins before it shows its token.
/// </summary>
internal static class AuthorityPin
{
    private const string Prefix = "sha256:";

    public static string Of(X509Certificate2 authority) => Prefix + Convert.ToHexStringLower(SHA256.HashData(authority.PublicKey.ExportSubjectPublicKeyInfo()));

    public static bool IsValid(string text) => text.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) && text.Length == Prefix.Length + (2 * SHA256.HashSizeInBytes) && text[Prefix.Length..].All(char.IsAsciiHexDigit);

    public static bool Matches(X509Certificate2 authority, string pin) => Of(authority).Equals(pin, StringComparison.OrdinalIgnoreCase);
}
