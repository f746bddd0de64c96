using System.Text;
using System.Text.Json;

namespace Fairlead.Node.Images.Registry;

/// <summary>A user's name and password at a registry, as Docker's configuration file keeps them.</summary>
/// <param name="Pattern">Host with an optional port and path; parts of the host may be <c>*</c> (Kubernetes documentation: "Images", "Interpretation of config.json").</param>
/// <param name="IdentityToken">Goes in place of the password where it is there.</param>
public sealed record RegistryCredential(string Pattern, string User, string Password, string? IdentityToken = null)
{
    /// <summary>Those of a Docker configuration file, or of a secret of type kubernetes.io/dockerconfigjson or kubernetes.io/dockercfg.</summary>
    /// <exception cref="ImageException">It is no such file.</exception>
    public static IReadOnlyList<RegistryCredential> ParseDockerConfig(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var entries = document.RootElement.TryGetProperty("auths", out var auths) ? auths : document.RootElement;
            return [.. entries.EnumerateObject().Where(entry => entry.Value.ValueKind == JsonValueKind.Object).Select(Read).OfType<RegistryCredential>()];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new ImageException($"the registry credentials cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Those for an image, the most particular pattern first.</summary>
    internal static IEnumerable<RegistryCredential> For(ImageReference image, IEnumerable<RegistryCredential> all) =>
        all.Where(credential => credential.IsFor(image)).OrderByDescending(credential => credential.Pattern.Length);

    private static RegistryCredential? Read(JsonProperty entry)
    {
        var (user, password) = (Text(entry.Value, "username"), Text(entry.Value, "password"));
        if (Text(entry.Value, "auth") is { Length: > 0 } auth)
        {
            var pair = Encoding.UTF8.GetString(Convert.FromBase64String(auth)).Split(':', 2);
            if (pair.Length == 2) (user, password) = (pair[0], pair[1].TrimEnd('\0'));
        }
        var token = Text(entry.Value, "identitytoken");
        return user.Length == 0 && token.Length == 0 ? null : new(Normal(entry.Name), user, password, token.Length > 0 ? token : null);
    }

    private static string Text(JsonElement entry, string name) => entry.TryGetProperty(name, out var value) ? value.GetString() ?? "" : "";

    // "https://index.docker.io/v1/" is how docker login writes the hub.
    private static string Normal(string key)
    {
        var scheme = key.IndexOf("://", StringComparison.Ordinal);
        if (scheme >= 0) key = key[(scheme + 3)..];
        key = key.TrimEnd('/');
        if (key.EndsWith("/v1", StringComparison.Ordinal) || key.EndsWith("/v2", StringComparison.Ordinal)) key = key[..^3];
        return key is "index.docker.io" or "registry-1.docker.io" ? "docker.io" : key;
    }

    private bool IsFor(ImageReference image)
    {
        var slash = Pattern.IndexOf('/', StringComparison.Ordinal);
        var host = slash < 0 ? Pattern : Pattern[..slash];
        var path = slash < 0 ? "" : Pattern[(slash + 1)..];
        if (path.Length > 0 && image.Repository != path && !image.Repository.StartsWith(path + "/", StringComparison.Ordinal)) return false;
        var (own, asked) = (host.Split('.'), image.Registry.Split('.'));
        return own.Length == asked.Length && own.Zip(asked).All(pair => pair.First == "*" || pair.First == pair.Second);
    }
}
