using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;

namespace Fairlead.Terminal;

/// <summary>What a command line lacks, in one line with what to do.</summary>
internal static class ParseFailure
{
    private const int MostEdits = 2;

    /// <summary>Null when there is nothing wrong, or where help says it best: help was asked for, or a command that has others was given alone.</summary>
    public static string? Explain(ParseResult parse)
    {
        if (parse.Errors.Count == 0 || parse.Action is not ParseErrorAction) return null;
        if (parse.UnmatchedTokens.Count == 0 && parse.CommandResult.Command.Subcommands.Count > 0) return null;
        var words = string.Join(' ', Path(parse.CommandResult));
        var known = parse.CommandResult.Command.Subcommands.Select(command => command.Name).Concat(parse.CommandResult.Command.Options.SelectMany(option => option.Aliases.Prepend(option.Name)));
        var near = parse.UnmatchedTokens.SelectMany(token => known.Where(name => Edits(token, name) is var edits && edits <= MostEdits && edits < token.Length / 2).OrderBy(name => Edits(token, name)).Take(1)).FirstOrDefault();
        // Of an unknown word and what it stands in place of, the word is told.
        var wrong = (parse.Errors.FirstOrDefault(error => parse.UnmatchedTokens.Any(token => error.Message.Contains($"'{token}'", StringComparison.Ordinal))) ?? parse.Errors[0]).Message;
        return $"{string.Join(' ', wrong.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)).TrimEnd('.')}; {(near is null ? "" : $"did you mean {near}? ")}`{words} --help` tells what there is";
    }

    private static IEnumerable<string> Path(CommandResult? result)
    {
        if (result is null) return [];
        return [.. Path(result.Parent as CommandResult), result.Parent is null ? "fairlead" : result.Command.Name];
    }

    /// <summary>Letters to change, add or leave out until one word is the other (Levenshtein).</summary>
    internal static int Edits(string left, string right)
    {
        var row = Enumerable.Range(0, right.Length + 1).ToArray();
        for (var i = 1; i <= left.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= right.Length; j++) (diagonal, row[j]) = (row[j], Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (left[i - 1] == right[j - 1] ? 0 : 1)));
        }
        return row[^1];
    }
}
