using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.Security;

/// <summary>
/// Finds out who asks: by client certificate (common name and organizations) or by bearer token
/// (Kubernetes documentation: "Authenticating"). Answers null for credentials that are wrong, anonymous where there are none.
/// </summary>
internal sealed class Authentication(IReadOnlyDictionary<string, User> tokens)
{
    private const string Scheme = "Bearer ";

    public User? Authenticate(HttpContext context)
    {
        if (context.Connection.ClientCertificate is { } certificate) return FromCertificate(certificate);
        var header = context.Request.Headers.Authorization.ToString();
        if (header.Length == 0) return User.Anonymous;
        return header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? FromToken(header[Scheme.Length..].Trim()) : null;
    }

    private User? FromToken(string token)
    {
        var given = Encoding.UTF8.GetBytes(token);
        User? found = null;
        // All are compared, each in constant time, so that the answer's time tells nothing about a token.
        foreach (var (known, user) in tokens)
        {
            if (CryptographicOperations.FixedTimeEquals(given, Encoding.UTF8.GetBytes(known))) found = user;
        }
        return found;
    }

    private static User FromCertificate(X509Certificate2 certificate)
    {
        var groups = new List<string>();
        var name = "";
        foreach (var part in certificate.SubjectName.EnumerateRelativeDistinguishedNames())
        {
            if (part.HasMultipleElements) continue;
            var type = part.GetSingleElementType().Value;
            if (type == "2.5.4.3") name = part.GetSingleElementValue() ?? "";
            if (type == "2.5.4.10") groups.Add(part.GetSingleElementValue() ?? "");
        }
        return new User(name, [.. groups, "system:authenticated"]);
    }
}
