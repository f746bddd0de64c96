using System.Net;

namespace Fairlead.Dns.Corefile;

/// <summary>What a Corefile says.</summary>
public sealed record CorefileSettings
{
    public required ClusterDnsOptions Options { get; init; }

    /// <summary>Where /health, /ready and /metrics are asked for: the addresses of the directives health, ready and prometheus.</summary>
    public IReadOnlyList<IPEndPoint> Status { get; init; } = [];

    /// <summary>Between looks at the file; null: it is read once.</summary>
    public TimeSpan? Reload { get; init; }

    /// <summary>The text of the file and all that it imports, which tells whether they have changed.</summary>
    internal static string Text(string file)
    {
        var errors = new List<string>();
        CorefileText text = CorefileText.Read(file, errors);
        return string.Join('\n', text.Lines.Select(line => $"{line.File} {string.Join(' ', line.Words)}").Concat(errors));
    }

    /// <summary>Reads a file. Null with at least one error, each with its line; then nothing of the file is to be used.</summary>
    public static CorefileSettings? Read(string file, out IReadOnlyList<string> errors)
    {
        var found = new List<string>();
        errors = found;
        CorefileText text = CorefileText.Read(file, found);
        CorefileTree tree = CorefileTree.Parse(text.Lines, found);
        if (found.Count > 0)
        {
            return null;
        }
        CorefileSettings settings = new CorefileCompiler(found).Compile(file, tree);
        if (found.Count == 0)
        {
            found.AddRange(settings.Options.Validate().Select(error => $"{file}: {error}"));
        }
        return found.Count == 0 ? settings : null;
    }
}
