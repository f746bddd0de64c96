using System.Text;
using Fairlead.Kube;
using k8s.Models;

namespace Fairlead.Ingress.Routes.Objects;

/// <summary>What is kept of a Secret that an Ingress can use: a certificate with its key, authorities of clients, all as PEM, or users with their passwords' hashes.</summary>
/// <param name="Users">Lines as htpasswd writes them, of the key <c>auth</c>; empty for none.</param>
internal sealed record SecretInfo(string Certificate, string Key, string Users)
{
    private const string TokenType = "kubernetes.io/service-account-token";
    private const int LongestHash = 256;

    /// <summary>Of the key <c>ca.crt</c>.</summary>
    public string Authorities { get; init; } = "";

    /// <summary>Of the key <c>ca.crl</c>.</summary>
    public string Revocations { get; init; } = "";

    /// <summary>Keys whose values are such hashes: users, where auth-secret-type is auth-map.</summary>
    public EquatableArray<KeyValuePair<string, string>> Map { get; init; }

    internal static SecretInfo? From(V1Secret secret)
    {
        if (secret.Data is not { } data || secret.Type == TokenType) return null;
        var info = new SecretInfo(Text(data, "tls.crt"), Text(data, "tls.key"), Text(data, "auth"))
        {
            Authorities = Text(data, "ca.crt"),
            Revocations = Text(data, "ca.crl"),
            Map = new(data.Keys.Order(StringComparer.Ordinal).Select(key => KeyValuePair.Create(key, Text(data, key).Trim())).Where(pair => IsHash(pair.Value))),
        };
        return info is { Certificate.Length: 0, Users.Length: 0, Authorities.Length: 0, Map.Count: 0 } ? null : info;
    }

    /// <summary>The forms that htpasswd writes; a Secret's other values are none of ours, and not kept.</summary>
    private static bool IsHash(string value) => value.Length is > 4 and <= LongestHash && !value.AsSpan().ContainsAny(" \n\r:")
        && (value[0] == '$' || value.StartsWith("{SHA}", StringComparison.Ordinal) || value.StartsWith("{SSHA}", StringComparison.Ordinal) || value.StartsWith("{PLAIN}", StringComparison.Ordinal));

    private static string Text(IDictionary<string, byte[]> data, string key) =>
        data.TryGetValue(key, out var value) && value is not null ? Encoding.UTF8.GetString(value) : "";
}
