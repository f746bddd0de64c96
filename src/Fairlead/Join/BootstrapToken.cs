using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Fairlead.Kube;
using k8s.Models;

namespace Fairlead.Join;

/// <summary>
/// What lets a machine join: six letters or digits that name it, sixteen that are secret. Kept as the Secret
/// kube-system/bootstrap-token-ID (Kubernetes documentation: "Authenticating with Bootstrap Tokens").
/// </summary>
internal sealed partial record BootstrapToken(string Id, string Secret)
{
    public const string Namespace = "kube-system";
    public const string SecretType = "bootstrap.kubernetes.io/token";
    public const string NamePrefix = "bootstrap-token-";

    /// <summary>As kubeadm has it: whose members may ask for a node's certificate and get it.</summary>
    public const string Group = "system:bootstrappers:kubeadm:default-node-token";

    private const string Alphabet = "0123456789abcdefghijklmnopqrstuvwxyz";
    private const int IdLength = 6, SecretLength = 16;

    public static BootstrapToken Generate() => new(RandomNumberGenerator.GetString(Alphabet, IdLength), RandomNumberGenerator.GetString(Alphabet, SecretLength));

    public static BootstrapToken? TryParse(string text) => Form().Match(text) is { Success: true } match ? new(match.Groups["id"].Value, match.Groups["secret"].Value) : null;

    public override string ToString() => $"{Id}.{Secret}";

    /// <param name="end">When it expires; null: never.</param>
    public V1Secret ToSecret(DateTimeOffset? end, string description, IReadOnlyList<string> groups)
    {
        var data = new Dictionary<string, string>
        {
            ["token-id"] = Id,
            ["token-secret"] = Secret,
            ["usage-bootstrap-authentication"] = "true",
            ["usage-bootstrap-signing"] = "true",
            ["auth-extra-groups"] = string.Join(',', groups),
        };
        if (description.Length > 0) data["description"] = description;
        if (end is { } time) data["expiration"] = Timestamps.Seconds(time);
        return new V1Secret
        {
            Metadata = new V1ObjectMeta { Name = NamePrefix + Id, NamespaceProperty = Namespace },
            Type = SecretType,
            Data = data.ToDictionary(pair => pair.Key, pair => Encoding.UTF8.GetBytes(pair.Value)),
        };
    }

    [GeneratedRegex(@"\A(?<id>[a-z0-9]{6})\.(?<secret>[a-z0-9]{16})\z")]
    private static partial Regex Form();
}

/// <summary>A token as the cluster keeps it.</summary>
/// <param name="End">Null: it never expires.</param>
internal sealed record StoredToken(BootstrapToken Token, DateTimeOffset? End, string Usages, string Description, string Groups)
{
    /// <summary>Null where the Secret is none.</summary>
    public static StoredToken? From(V1Secret secret)
    {
        string Value(string key) => secret.Data is not null && secret.Data.TryGetValue(key, out var bytes) ? Encoding.UTF8.GetString(bytes) : "";
        if (BootstrapToken.TryParse($"{Value("token-id")}.{Value("token-secret")}") is not { } token) return null;
        const string Usage = "usage-bootstrap-";
        var usages = (secret.Data ?? new Dictionary<string, byte[]>()).Keys.Where(key => key.StartsWith(Usage, StringComparison.Ordinal) && Value(key) == "true").Select(key => key[Usage.Length..]).Order(StringComparer.Ordinal);
        DateTimeOffset? end = DateTimeOffset.TryParse(Value("expiration"), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;
        return new StoredToken(token, end, string.Join(',', usages), Value("description"), Value("auth-extra-groups"));
    }
}
