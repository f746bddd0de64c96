using System.Globalization;
using Xunit;

namespace Fairlead.Unit.Dns.Fuzz;

/// <summary>
/// The corpus, and changes of it: the same number each time, or for as long as FAIRLEAD_FUZZ_SECONDS says, then with a seed of the
/// moment. A message that fails is written to a file of the corpus' form; it belongs there once its fault is mended.
/// </summary>
public sealed class CodecFuzzTests
{
    private const int Changes = 60_000;

    [Fact]
    public void Run_Corpus_Holds()
    {
        var target = new CodecTarget();
        IReadOnlyList<(string Name, byte[] Message)> corpus = Corpus.Read();

        Assert.True(corpus.Count >= 40, $"{Corpus.Folder} has {corpus.Count} messages");
        foreach ((string name, byte[] message) in corpus)
        {
            Exception? failure = Record.Exception(() => target.Run(message));
            Assert.True(failure is null, $"{name}: {failure}");
        }
    }

    [Fact]
    public void Run_CorpusChanged_Holds()
    {
        double seconds = double.Parse(Environment.GetEnvironmentVariable("FAIRLEAD_FUZZ_SECONDS") ?? "0", CultureInfo.InvariantCulture);
        long start = TimeProvider.System.GetTimestamp();
        int seed = seconds > 0 ? (int)start : 7;
        var target = new CodecTarget();
        var mutator = new Mutator([.. Corpus.Read().Select(entry => entry.Message)], seed);
        for (int i = 0; seconds > 0 ? TimeProvider.System.GetElapsedTime(start).TotalSeconds < seconds : i < Changes; i++)
        {
            byte[] message = mutator.Next();
            Exception? failure = Record.Exception(() => target.Run(message));
            Assert.True(failure is null, failure is null ? "" : $"message {i} of seed {seed}, kept in {Corpus.Write(message, failure.Message)}: {failure}");
        }
    }
}
