using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fairlead.Node.Images.Registry;

/// <summary>Where images are fetched, beyond what their names say: registries.json beside the images, read anew for each pull.</summary>
public sealed record RegistrySettings
{
    public static readonly RegistrySettings None = new();

    /// <summary>By registry (<c>docker.io</c>; <c>*</c>: each), addresses that are asked before it, such as <c>http://10.0.0.5:5000</c>.</summary>
    public Dictionary<string, List<string>> Mirrors { get; init; } = [];

    /// <summary>Registries whose certificate is not checked and that may speak plain HTTP; those on loopback always may.</summary>
    public List<string> Insecure { get; init; } = [];

    public static RegistrySettings Read(string root)
    {
        var path = PathOf(root);
        return File.Exists(path) ? ImageException.Parse(File.ReadAllBytes(path), RegistrySettingsJson.Default.RegistrySettings, path) : None;
    }

    public void Write(string root)
    {
        Directory.CreateDirectory(root);
        var draft = PathOf(root) + ".new";
        File.WriteAllBytes(draft, JsonSerializer.SerializeToUtf8Bytes(this, RegistrySettingsJson.Default.RegistrySettings));
        File.Move(draft, PathOf(root), overwrite: true);
    }

    /// <param name="mirrors">Of the form REGISTRY=URL.</param>
    /// <returns>Settings, or what is wrong with the options.</returns>
    public static (RegistrySettings? Settings, string? Failure) Parse(IEnumerable<string> mirrors, IEnumerable<string> insecure)
    {
        var settings = new RegistrySettings { Insecure = [.. insecure] };
        foreach (var mirror in mirrors)
        {
            if (mirror.Split('=', 2) is not [{ Length: > 0 } registry, var url] || !Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
                return (null, $"\"{mirror}\" is no mirror: write REGISTRY=URL, for example docker.io=http://10.0.0.5:5000");
            if (!settings.Mirrors.TryGetValue(registry, out var all)) settings.Mirrors[registry] = all = [];
            all.Add(url.TrimEnd('/'));
        }
        return (settings, null);
    }

    /// <summary>Base addresses to ask for a registry's images, in order.</summary>
    internal IEnumerable<RegistryEndpoint> Endpoints(string registry)
    {
        foreach (var mirror in Mirrors.GetValueOrDefault(registry, []).Concat(Mirrors.GetValueOrDefault("*", [])))
            yield return new(mirror, registry, IsInsecure(new Uri(mirror).Authority));
        // What everybody calls docker.io answers elsewhere.
        var host = registry == "docker.io" ? "registry-1.docker.io" : registry;
        var insecure = IsInsecure(registry);
        yield return new($"https://{host}", null, insecure);
        if (insecure) yield return new($"http://{host}", null, insecure);
    }

    private bool IsInsecure(string registry)
    {
        if (Insecure.Contains(registry)) return true;
        var colon = registry.LastIndexOf(':');
        var host = (colon > registry.LastIndexOf(']') ? registry[..colon] : registry).Trim('[', ']');
        return host == "localhost" || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));
    }

    private static string PathOf(string root) => $"{root}/registries.json";
}

/// <param name="MirrorOf">The registry that it stands for; null: it is the registry itself.</param>
/// <param name="Insecure">Its certificate is not checked.</param>
internal sealed record RegistryEndpoint(string Url, string? MirrorOf, bool Insecure);

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(RegistrySettings))]
internal sealed partial class RegistrySettingsJson : JsonSerializerContext;
