namespace Fairlead.System;

/// <summary>One Ingress of a part.</summary>
internal sealed class WrittenIngress
{
    public List<string> Annotations { get; } = [];
    public string Path { get; set; } = "/";
    public string Kind { get; set; } = "Prefix";
    public string Service { get; set; } = "one";
    public bool HasTls { get; set; }
}

/// <param name="Words">A URL without what is the host's, and options of curl.</param>
/// <param name="Expected">Sign and text of each line below.</param>
internal sealed record Question(string[] Words, List<(char Sign, string Text)> Expected);

/// <summary>A title, Ingresses of one host, and what is asked of them.</summary>
internal sealed record WrittenPart(string Title, int Number, List<WrittenIngress> Ingresses, List<Question> Questions)
{
    public string Host => $"part-{Number}.example.com";

    public string NameOf(int ingress) => $"part-{Number}-{ingress}";
}

/// <summary>Reads ingress-annotations.txt, which tells its form in its first lines.</summary>
internal static class AnnotationTable
{
    public static IReadOnlyList<WrittenPart> Parts { get; } = Read(File.ReadLines(Path.Combine(Command.Root, "tests", "Fairlead.System", "ingress-annotations.txt")));

    private static List<WrittenPart> Read(IEnumerable<string> lines)
    {
        var parts = new List<WrittenPart>();
        foreach (var line in lines.Where(line => line.Length > 0))
        {
            if (line[0] == '#') parts.Add(new WrittenPart(line[2..], parts.Count, [new WrittenIngress()], []));
            else if (parts.Count > 0) Read(line, parts[^1]);
        }
        return parts;
    }

    private static void Read(string line, WrittenPart part)
    {
        var ingress = part.Ingresses[^1];
        switch (line.Split(' '))
        {
            case ["--"]:
                part.Ingresses.Add(new WrittenIngress());
                break;
            case ["at", var path, var kind]:
                (ingress.Path, ingress.Kind) = (path, kind);
                break;
            case ["to", var service]:
                ingress.Service = service;
                break;
            case ["tls"]:
                ingress.HasTls = true;
                break;
            case [">", ..]:
                part.Questions.Add(new Question(Words(line[2..]), []));
                break;
            case ["<" or "!" or "~" or "@", ..]:
                part.Questions[^1].Expected.Add((line[0], line[2..]));
                break;
            default:
                ingress.Annotations.Add(line);
                break;
        }
    }

    /// <summary>As a shell takes words apart: by spaces, but for those within single quotes.</summary>
    private static string[] Words(string text) =>
        [.. text.Split('\'').SelectMany((piece, at) => at % 2 == 1 ? [piece] : piece.Split(' ', StringSplitOptions.RemoveEmptyEntries))];
}
