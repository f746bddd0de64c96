using System.IO.Enumeration;

namespace Fairlead.Dns.Corefile;

/// <summary>A line with something on it.</summary>
internal sealed record CorefileLine(string File, int Number, string[] Words)
{
    internal string Error(string what) => $"{File}:{Number}: {what}";
}

/// <summary>The lines of a Corefile, with those of the files that it imports in their place.</summary>
internal sealed class CorefileText
{
    private const int DeepestImport = 10;
    private readonly List<string> _errors;
    private readonly List<CorefileLine> _lines = [];

    private CorefileText(List<string> errors) => _errors = errors;

    internal IReadOnlyList<CorefileLine> Lines => _lines;

    internal static CorefileText Read(string file, List<string> errors)
    {
        var text = new CorefileText(errors);
        text.Add(file, 0, null);
        return text;
    }

    private void Add(string file, int depth, CorefileLine? importedAt)
    {
        string[] lines;
        try
        {
            lines = File.ReadAllLines(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _errors.Add(importedAt is null ? e.Message : importedAt.Error(e.Message));
            return;
        }
        for (int i = 0; i < lines.Length; i++)
        {
            if (CorefileWords.Split(lines[i]) is not { } words)
            {
                _errors.Add($"{file}:{i + 1}: a quote is not closed");
                continue;
            }
            if (words.Length == 0)
            {
                continue;
            }
            var line = new CorefileLine(file, i + 1, words);
            if (words[0] == "import")
            {
                Import(line, depth);
            }
            else
            {
                _lines.Add(line);
            }
        }
    }

    /// <summary>A pattern may match nothing, a plain file must be there.</summary>
    private void Import(CorefileLine line, int depth)
    {
        if (line.Words.Length != 2 || depth >= DeepestImport)
        {
            _errors.Add(line.Error(depth >= DeepestImport ? "files import each other" : "import takes one file or pattern"));
            return;
        }
        string path = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(line.File))!, line.Words[1]);
        string folder = Path.GetDirectoryName(path)!, name = Path.GetFileName(path);
        if (!name.AsSpan().ContainsAny('*', '?'))
        {
            Add(path, depth + 1, line);
            return;
        }
        IEnumerable<string> found = Directory.Exists(folder) ? Directory.EnumerateFiles(folder).Where(file => FileSystemName.MatchesSimpleExpression(name, Path.GetFileName(file), ignoreCase: false)) : [];
        foreach (string file in found.Order(StringComparer.Ordinal))
        {
            Add(file, depth + 1, line);
        }
    }
}

/// <summary>Words between blanks, as Caddyfiles have them: # begins a comment, "…" holds blanks, {$NAME} is a variable of the environment.</summary>
internal static class CorefileWords
{
    /// <summary>Null when a quote is not closed.</summary>
    internal static string[]? Split(string line)
    {
        var words = new List<string>();
        for (int at = 0; at < line.Length;)
        {
            if (char.IsWhiteSpace(line[at]))
            {
                at++;
                continue;
            }
            if (line[at] == '#')
            {
                break;
            }
            int end;
            if (line[at] == '"')
            {
                end = line.IndexOf('"', at + 1);
                if (end < 0)
                {
                    return null;
                }
                words.Add(line[(at + 1)..end++]);
            }
            else
            {
                for (end = at; end < line.Length && !char.IsWhiteSpace(line[end]);)
                {
                    end++;
                }
                words.Add(Expand(line[at..end]));
            }
            at = end;
        }
        return [.. words];
    }

    private static string Expand(string word)
    {
        int start = word.IndexOf("{$", StringComparison.Ordinal);
        int end = start < 0 ? -1 : word.IndexOf('}', start);
        return end < 0 ? word : word[..start] + Environment.GetEnvironmentVariable(word[(start + 2)..end]) + Expand(word[(end + 1)..]);
    }
}
