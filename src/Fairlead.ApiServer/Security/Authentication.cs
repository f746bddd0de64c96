using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Fairlead.ApiServer.Security.Tokens;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.Security;

/// <summary>
/// Finds out who asks: by client certificate (common name and organizations), or by bearer token of a service account, of the token file, or of a machine that joins
/// (Kubernetes documentation: "Authenticating"). Answers null for credentials that are wrong, anonymous where there are none.
/// </summary>
internal sealed class Authentication(IReadOnlyDictionary<string, User> tokens, ServiceAccountTokens accounts, BootstrapTokens bootstrap, TimeProvider time)
{
    private const string Scheme = "Bearer ";

    public User? Authenticate(HttpContext context)
    {
        // Connections outlive certificates; who asks is asked for each request.
        if (context.Connection.ClientCertificate is { } certificate) return time.GetUtcNow() < certificate.NotAfter ? FromCertificate(certificate) : null;
        var header = context.Request.Headers.Authorization.ToString();
        if (header.Length == 0) return User.Anonymous;
        return header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? OfToken(header[Scheme.Length..].Trim(), [])?.User : null;
    }

    /// <summary>Whose bearer token it is and for which of the audiences it is good; null: nobody's.</summary>
    public (User User, IReadOnlyList<string> Audiences)? OfToken(string token, IReadOnlyList<string> audiences)
    {
        if (accounts.Authenticate(token, audiences) is { } account) return account;
        return (OfTokenFile(token) ?? bootstrap.Authenticate(token)) is { } user ? (user, audiences) : null;
    }

    private User? OfTokenFile(string token)
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
