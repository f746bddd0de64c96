using System.Text;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.Unit.ApiServer.Schema;
using Fairlead.Unit.Fuzz;
using Xunit;

namespace Fairlead.Unit.ApiServer.Fuzz;

/// <summary>Bodies of tests/Fairlead.Unit/ApiServer/Fuzz/Corpus and of examples/, and changes of them.</summary>
public sealed class BodyFuzzTests
{
    private const int Changes = 6_000;

    private static readonly string[] Words =
    [
        "null", "{}", "[]", "\"\"", "-1", "1e999", "99999999999999999999", "\"\\ud800\"", "\"\\u0000\"", "\"a\":1,\"a\":2,", "\"kind\":\"Pod\",", "\n- ", ": ", "&a ", "*a", "!!binary ", "0777", "|\n ", "? ", "<<: ", "k8s\0",
    ];

    [Fact]
    public void Run_Corpus_Holds() => FuzzRun.Hold(Corpus(), new BodyTarget().Run);

    [Fact]
    public void Run_CorpusChanged_Holds()
    {
        List<byte[]> corpus = [.. Corpus().Select(entry => entry.Input)];
        List<byte[]> trees = [.. corpus.Where(IsTree)];
        var bytes = new ByteChanges(corpus, Words);
        FuzzRun.Search(Changes, random => random.Next(2) == 0 ? bytes.Next(random) : TreeChanges.Next(trees[random.Next(trees.Count)], random), new BodyTarget().Run, input => FuzzRun.Keep(input, "body"));
    }

    private static bool IsTree(byte[] input)
    {
        try
        {
            return JsonTree.Parse(input) is JsonObject or JsonArray;
        }
        catch (System.Text.Json.JsonException)
        {
            return false;
        }
    }

    private static List<(string Name, byte[] Input)> Corpus()
    {
        var files = Directory.EnumerateFiles(FuzzRun.Folder("ApiServer/Fuzz/Corpus"), "*.body")
            .Concat(Directory.EnumerateFiles(FuzzRun.Folder("../../examples"), "*.yaml", SearchOption.AllDirectories)).Order(StringComparer.Ordinal);
        return [.. files.Select(file => (file, File.ReadAllBytes(file))), .. Generated()];
    }

    /// <summary>An object of every kind that is stored, with whatever fields it may have.</summary>
    private static IEnumerable<(string Name, byte[] Input)> Generated()
    {
        foreach (var kind in new BodyTarget().Stored)
        {
            for (var seed = 0; seed < 3; seed++)
            {
                var obj = SchemaGen.Make(kind.Schema, seed);
                (obj["kind"], obj["apiVersion"]) = (kind.Name, kind.ApiVersion);
                yield return ($"{kind.Name} {seed}", Encoding.UTF8.GetBytes(obj.ToJsonString()));
            }
        }
    }
}
