using System.Text.RegularExpressions;
using Xunit;

namespace Fairlead.Unit.Doctor;

/// <summary>docs/troubleshooting.md lists every code that the doctor can give, and no other.</summary>
public sealed partial class DocumentTests
{
    [Fact]
    public void Troubleshooting_Table_NamesTheCodesOfTheSources()
    {
        var root = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(root, "Fairlead.slnx"))) root = Path.GetDirectoryName(root)!;
        var page = File.ReadAllLines(Path.Combine(root, "docs", "troubleshooting.md")).SkipWhile(line => line != "## What it can find");
        var listed = page.Where(line => line.StartsWith("| `", StringComparison.Ordinal)).SelectMany(line => Code().Matches(line.Split('|')[1]).Select(match => match.Groups[1].Value)).ToList();
        var sources = string.Concat(Directory.EnumerateFiles(Path.Combine(root, "src", "Fairlead.Doctor"), "*.cs", SearchOption.AllDirectories).Where(file => !file.Contains("/obj/", StringComparison.Ordinal)).Select(File.ReadAllText));
        // Two kinds of code are put together from words: what became of a connection, and which probe fails.
        var given = Given().Matches(sources).SelectMany(match => match.Groups.Values.Skip(1).Where(group => group.Success).Select(group => group.Value))
            .Concat(["connect-refused", "connect-silent", "connect-unreachable", "readiness-probe-fails", "startup-probe-fails"]);

        Assert.Equal(given.Distinct().Order(), listed.Order());
    }

    [GeneratedRegex("`([a-z-]+)`")]
    private static partial Regex Code();

    /// <summary>The second argument of a finding: a word, or a choice between two.</summary>
    [GeneratedRegex("""new Finding\((?:[Ss]everity[^"]*?|all \? [^"]*?|balanced \? [^"]*?), (?:[^",]*\? )?"([a-z-]+)"(?: : "([a-z-]+)")?""")]
    private static partial Regex Given();
}
