using System.Text.RegularExpressions;
using System.Xml.Linq;
using Xunit;

namespace Fairlead.Unit.House;

/// <summary>The rules of the house that a compiler does not check.</summary>
public sealed partial class HouseTests
{
    private const int LongestFile = 400;
    private static readonly string Root = FindRoot();

    /// <summary>Which rooms a room may use (docs/ARCHITECTURE.md). Parts never reference each other.</summary>
    public static TheoryData<string, string[]> Rooms => new()
    {
        { "Fairlead.Kube", [] },
        { "Fairlead.Linux", [] },
        { "Fairlead.ApiServer", ["Fairlead.Kube"] },
        { "Fairlead.Controllers", ["Fairlead.Kube"] },
        { "Fairlead.Node", ["Fairlead.Kube", "Fairlead.Linux"] },
        { "Fairlead.Proxy", ["Fairlead.Kube", "Fairlead.Linux"] },
        { "Fairlead.LoadBalancer", ["Fairlead.Kube", "Fairlead.Linux"] },
        { "Fairlead.Dns", ["Fairlead.Kube", "Fairlead.Linux"] },
        { "Fairlead.Ingress", ["Fairlead.Kube", "Fairlead.Linux"] },
        { "Fairlead.Doctor", ["Fairlead.Kube", "Fairlead.Linux"] },
    };

    [Theory]
    [MemberData(nameof(Rooms))]
    public void Room_References_OnlyWhatItMay(string room, string[] allowed)
    {
        var project = XDocument.Load(Path.Combine(Root, "src", room, room + ".csproj"));
        var used = project.Descendants("ProjectReference").Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value));

        Assert.Empty(used.Except(allowed));
    }

    [Fact]
    public void Rooms_AllOfThem_AreInTheTable()
    {
        var rooms = Directory.EnumerateDirectories(Path.Combine(Root, "src")).Select(Path.GetFileName).Where(name => name != "Fairlead");
        var known = Rooms.Select(row => row.Data.Item1);

        Assert.Equal(known.Order(), rooms.Order());
    }

    [Fact]
    public void Architecture_PathsThatItNames_Exist()
    {
        var text = File.ReadAllText(Path.Combine(Root, "docs", "ARCHITECTURE.md"));
        var paths = NamedPath().Matches(text).Select(match => match.Groups[1].Value).Distinct().ToList();

        Assert.NotEmpty(paths);
        Assert.All(paths, path => Assert.True(Path.Exists(Path.Combine(Root, path)), $"docs/ARCHITECTURE.md names {path}, which does not exist"));
    }

    [Fact]
    public void SourceFiles_Lines_AreFewEnoughToRead()
    {
        Assert.All(Sources(), file => Assert.True(File.ReadLines(file).Count() <= LongestFile, $"{file} has more than {LongestFile} lines: a room is missing"));
    }

    [Fact]
    public void SourceFiles_Names_SayWhatTheyHold()
    {
        string[] vague = ["Util", "Utils", "Helper", "Helpers", "Manager"];

        Assert.DoesNotContain(Sources(), file => vague.Any(word => Path.GetFileNameWithoutExtension(file).EndsWith(word, StringComparison.Ordinal)));
    }

    [Fact]
    public void UnsafeCode_AndImports_LiveInTheKernelRoomOnly()
    {
        var outside = Sources().Where(file => !file.Contains("/Fairlead.Linux/", StringComparison.Ordinal) && !file.Contains("/tests/", StringComparison.Ordinal));

        Assert.DoesNotContain(outside, file => UnsafeOrImport().IsMatch(File.ReadAllText(file)));
    }

    private static IEnumerable<string> Sources() =>
        new[] { "src", "tests" }.SelectMany(folder => Directory.EnumerateFiles(Path.Combine(Root, folder), "*.cs", SearchOption.AllDirectories))
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal));

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Fairlead.slnx"))) folder = Path.GetDirectoryName(folder)!;
        return folder;
    }

    [GeneratedRegex("`((?:src|tests|docs|eng|scripts|examples|bench)/[^`\\s*]*)`")]
    private static partial Regex NamedPath();

    [GeneratedRegex(@"\bunsafe\b\s*(\{|static|void|fixed)|\[LibraryImport|\[DllImport")]
    private static partial Regex UnsafeOrImport();
}
