using System.Globalization;
using Xunit;

namespace Fairlead.Unit.Fuzz;

/// <summary>
/// Runs a target over a corpus and over changes of it: the same number each time, or for as long as FAIRLEAD_FUZZ_SECONDS says, then with
/// a seed of the moment. An input that fails is written to a file of the corpus' form; it belongs there once its fault is mended.
/// </summary>
internal static class FuzzRun
{
    /// <summary>A folder of inputs below tests/Fairlead.Unit.</summary>
    internal static string Folder(string path) => Path.Combine(FindRoot(), "tests", "Fairlead.Unit", path);

    internal static void Hold(IEnumerable<(string Name, byte[] Input)> corpus, Action<byte[]> target)
    {
        var count = 0;
        foreach (var (name, input) in corpus)
        {
            count++;
            var failure = Record.Exception(() => target(input));
            Assert.True(failure is null, $"{name}: {failure}");
        }
        Assert.True(count > 0, "the corpus is empty");
    }

    /// <param name="next">Makes the next input of a generator of random numbers.</param>
    /// <param name="write">Keeps an input that failed, and answers where.</param>
    internal static void Search(int changes, Func<Random, byte[]> next, Action<byte[]> target, Func<byte[], string> write)
    {
        var seconds = double.Parse(Environment.GetEnvironmentVariable("FAIRLEAD_FUZZ_SECONDS") ?? "0", CultureInfo.InvariantCulture);
        var start = TimeProvider.System.GetTimestamp();
        var seed = seconds > 0 ? (int)start : 7;
        var random = new Random(seed);
        var failures = new Dictionary<string, string>();
        for (var i = 0; seconds > 0 ? TimeProvider.System.GetElapsedTime(start).TotalSeconds < seconds : i < changes; i++)
        {
            var input = next(random);
            // One of each sort: the same fault shows again and again.
            if (Record.Exception(() => target(input)) is not { } failure || failures.ContainsKey(Sort(failure))) continue;
            failures[Sort(failure)] = $"input {i} of seed {seed}, kept in {write(input)}: {failure}";
        }
        Assert.True(failures.Count == 0, string.Join('\n', failures.Values));
    }

    /// <summary>What it is and where it was thrown in this house.</summary>
    private static string Sort(Exception failure) =>
        $"{failure.GetType()} {failure.StackTrace?.Split('\n').FirstOrDefault(line => line.Contains("at Fairlead.", StringComparison.Ordinal) && !line.Contains("Unit", StringComparison.Ordinal))}";

    internal static string Keep(byte[] input, string extension)
    {
        var file = Path.Combine(Path.GetTempPath(), $"fairlead-fuzz-{Guid.NewGuid():N}.{extension}");
        File.WriteAllBytes(file, input);
        return file;
    }

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Fairlead.slnx"))) folder = Path.GetDirectoryName(folder)!;
        return folder;
    }
}
