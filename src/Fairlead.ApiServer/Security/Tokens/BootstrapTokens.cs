using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Watch;

namespace Fairlead.ApiServer.Security.Tokens;

/// <summary>
/// Tokens by which a machine joins: ID.SECRET, kept as the Secret kube-system/bootstrap-token-ID (Kubernetes documentation:
/// "Authenticating with Bootstrap Tokens").
/// </summary>
internal sealed partial class BootstrapTokens(ObjectCache cache, KindTable kinds, TimeProvider time)
{
    private const string Type = "bootstrap.kubernetes.io/token";
    private const string NamePrefix = "system:bootstrap:";
    private const string Everyone = "system:bootstrappers";
    private readonly Kind _secrets = kinds.Find("", "v1", "secrets")!;

    /// <summary>Whose token it is; null: it is none, it is unknown, or it holds no longer.</summary>
    public User? Authenticate(string token)
    {
        if (Form().Match(token) is not { Success: true } match) return null;
        var (id, secret) = (match.Groups["id"].Value, match.Groups["secret"].Value);
        if (cache.Find(_secrets, _secrets.Key("kube-system", $"bootstrap-token-{id}")) is not { } stored) return null;
        var tree = stored.ToTree();
        if (tree.Text("type") != Type || tree.Text("metadata", "deletionTimestamp") is not null) return null;
        if (!CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(Data(tree, "token-secret")), Encoding.UTF8.GetBytes(secret))) return null;
        if (Data(tree, "token-id") != id || Data(tree, "usage-bootstrap-authentication") != "true" || HasExpired(Data(tree, "expiration"))) return null;
        var groups = Data(tree, "auth-extra-groups").Split(',', StringSplitOptions.RemoveEmptyEntries).Where(group => Group().IsMatch(group));
        return new User(NamePrefix + id, [.. groups.Prepend(Everyone).Distinct(), User.Authenticated]);
    }

    /// <summary>A time that cannot be read is one that has passed.</summary>
    private bool HasExpired(string text) => text.Length > 0
        && (!DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var end) || time.GetUtcNow() >= end);

    private static string Data(JsonObject secret, string key)
    {
        var text = secret.Text("data", key) ?? "";
        var bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text, bytes, out var count) ? Encoding.UTF8.GetString(bytes, 0, count) : "";
    }

    [GeneratedRegex(@"\A(?<id>[a-z0-9]{6})\.(?<secret>[a-z0-9]{16})\z")]
    private static partial Regex Form();

    [GeneratedRegex(@"\Asystem:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]\z")]
    private static partial Regex Group();
}
