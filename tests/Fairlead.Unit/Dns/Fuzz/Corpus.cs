using System.Globalization;

namespace Fairlead.Unit.Dns.Fuzz;

/// <summary>The messages of tests/Fairlead.Unit/Dns/Fuzz/Corpus: hexadecimal, after a line that says what each is.</summary>
internal static class Corpus
{
    internal static string Folder { get; } = Path.Combine(FindRoot(), "tests", "Fairlead.Unit", "Dns", "Fuzz", "Corpus");

    internal static IReadOnlyList<(string Name, byte[] Message)> Read() =>
        [.. Directory.EnumerateFiles(Folder, "*.hex").Order(StringComparer.Ordinal).Select(file => (Path.GetFileNameWithoutExtension(file), Parse(file)))];

    /// <summary>Keeps a message that a rule of <see cref="CodecTarget"/> does not hold for, to be found again.</summary>
    internal static string Write(byte[] message, string why)
    {
        string file = Path.Combine(Path.GetTempPath(), string.Create(CultureInfo.InvariantCulture, $"fairlead-dns-{Convert.ToHexStringLower(message.AsSpan(0, Math.Min(8, message.Length)))}-{message.Length}.hex"));
        File.WriteAllText(file, $"# {why.ReplaceLineEndings(" ")}\n{Convert.ToHexStringLower(message)}\n");
        return file;
    }

    private static byte[] Parse(string file) =>
        Convert.FromHexString(string.Concat(File.ReadLines(file).Where(line => !line.StartsWith('#')).Select(line => line.Trim())));

    private static string FindRoot()
    {
        string folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Fairlead.slnx")))
        {
            folder = Path.GetDirectoryName(folder)!;
        }
        return folder;
    }
}
