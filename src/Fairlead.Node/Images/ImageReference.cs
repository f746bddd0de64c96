using System.Text.RegularExpressions;

namespace Fairlead.Node.Images;

/// <summary>
/// The name of an image with all that is usually left out (distribution/reference: <c>busybox</c> is
/// <c>docker.io/library/busybox:latest</c>).
/// </summary>
/// <param name="Registry">Host, with its port where it has one.</param>
/// <param name="Tag">Null where only a digest is named.</param>
/// <param name="Digest"><c>sha256:…</c>, or null. It decides, whatever the tag says.</param>
public sealed partial record ImageReference(string Registry, string Repository, string? Tag, string? Digest)
{
    private const string DockerHub = "docker.io";

    /// <summary>Registry and repository.</summary>
    public string Name => $"{Registry}/{Repository}";

    /// <summary>What a registry's API takes: the digest, or else the tag.</summary>
    public string Selector => Digest ?? Tag!;

    /// <summary>Whether the name itself says which content it means, for ever.</summary>
    public bool IsFixed => Digest is not null;

    public override string ToString() => $"{Name}{(Tag is null ? "" : $":{Tag}")}{(Digest is null ? "" : $"@{Digest}")}";

    /// <summary>Null where the text is no image's name.</summary>
    public static ImageReference? TryParse(string text)
    {
        if (Form().Match(text) is not { Success: true } match) return null;
        var (name, tag, digest) = (match.Groups["name"].Value, Value(match.Groups["tag"]), Value(match.Groups["digest"]));
        var slash = name.IndexOf('/', StringComparison.Ordinal);
        var first = slash < 0 ? "" : name[..slash];
        var isHost = first.Contains('.', StringComparison.Ordinal) || first.Contains(':', StringComparison.Ordinal) || first == "localhost";
        var registry = isHost ? first : DockerHub;
        var repository = isHost ? name[(slash + 1)..] : name;
        if (registry == "index.docker.io") registry = DockerHub;
        if (registry == DockerHub && !repository.Contains('/', StringComparison.Ordinal)) repository = $"library/{repository}";
        if (!Path().IsMatch(repository) || name.Length > 255) return null;
        return new(registry, repository, tag ?? (digest is null ? "latest" : null), digest);
    }

    private static string? Value(Group group) => group.Success ? group.Value : null;

    [GeneratedRegex(@"^(?<name>[A-Za-z0-9][A-Za-z0-9._\-]*(:[0-9]+(?=/))?(/[a-z0-9._\-]+)*)(:(?<tag>[A-Za-z0-9_][A-Za-z0-9_.\-]{0,127}))?(@(?<digest>sha256:[a-f0-9]{64}))?$")]
    private static partial Regex Form();

    [GeneratedRegex(@"^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$")]
    private static partial Regex Path();
}
