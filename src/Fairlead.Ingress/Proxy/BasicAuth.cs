using System.Text;
using Fairlead.Ingress.Annotations;

namespace Fairlead.Ingress.Proxy;

/// <summary>The Basic scheme (RFC 7617).</summary>
internal static class BasicAuth
{
    private const string Scheme = "Basic ";

    /// <summary>The user, or null for one who is to be asked again (401).</summary>
    internal static string? User(BasicAuthOptions auth, string? authorization)
    {
        if (authorization is null || !authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)) return null;
        var decoded = new byte[authorization.Length];
        if (!Convert.TryFromBase64String(authorization[Scheme.Length..].Trim(), decoded, out var length)) return null;
        var text = Encoding.UTF8.GetString(decoded, 0, length);
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0) return null;
        var name = text[..colon];
        foreach (var (user, hash) in auth.Users)
        {
            if (user == name) return Passwords.VerifyRemembering(text[(colon + 1)..], hash) ? user : null;
        }
        return null;
    }

    internal static string Challenge(BasicAuthOptions auth) => $"Basic realm=\"{auth.Realm.Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
}
