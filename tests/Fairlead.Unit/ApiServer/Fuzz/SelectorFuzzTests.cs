using System.Net;
using System.Text;
using Fairlead.ApiServer.Allocation;
using Fairlead.ApiServer.HTTP;
using Fairlead.ApiServer.Resources;
using Fairlead.Kube.Selectors;
using Fairlead.Unit.Fuzz;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Fairlead.Unit.ApiServer.Fuzz;

/// <summary>Label selectors, field selectors, paths and continue tokens of tests/Fairlead.Unit/ApiServer/Fuzz/Corpus/selectors.txt, a line each, and changes of them.</summary>
public sealed class SelectorFuzzTests
{
    private const int Changes = 60_000;
    private static readonly KindTable Kinds = new(new ServiceAllocator([new AddressRange(IPNetwork.Parse("10.96.0.0/16"))], 30000, 32767));
    private static readonly Kind Pods = Kinds.Find("", "v1", "pods")!;
    private static readonly Dictionary<string, string> Labels = new() { ["a"] = "b", ["n"] = "5", ["x/y"] = "" };
    private static readonly string[] Words = ["in (", "notin(", ")", ",", "!=", "==", "=", "!", ">", "<", " ", "metadata.name", "%2F", "/", "namespaces", "99999999999999999999", "("];

    [Fact]
    public void Run_Corpus_Holds() => FuzzRun.Hold(Corpus(), Run);

    [Fact]
    public void Run_CorpusChanged_Holds() => FuzzRun.Search(Changes, new ByteChanges([.. Corpus().Select(entry => entry.Input)], Words).Next, Run, input => FuzzRun.Keep(input, "selector"));

    private static void Run(byte[] input)
    {
        var text = Encoding.UTF8.GetString(input);
        if (LabelSelector.TryParse(text, out var selector, out var error)) selector.Matches(Labels);
        else if (error.Length == 0) throw new InvalidDataException("a refusal without a reason");
        Refusable(() => RequestQuery.Selection(With("labelSelector", text), Pods, "default"));
        Refusable(() => RequestQuery.Selection(With("fieldSelector", text), Pods, "default"));
        Refusable(() => RequestQuery.CheckListOptions(With("resourceVersionMatch", text), watch: false));
        Refusable(() => RequestQuery.Number(With("limit", text), "limit"));
        Refusable(() => ContinueToken.Read(text));
        foreach (var method in (string[])["GET", "POST", "DELETE", text]) ApiRequest.Parse(method, text, text.Length % 2 == 0, Kinds);
    }

    private static DefaultHttpContext With(string name, string value)
    {
        var context = new DefaultHttpContext();
        context.Request.Query = new QueryCollection(new Dictionary<string, Microsoft.Extensions.Primitives.StringValues> { [name] = value });
        return context;
    }

    private static void Refusable(Action read)
    {
        try
        {
            read();
        }
        catch (ApiError e)
        {
            if (e.Code is < 400 or >= 500) throw;
        }
    }

    private static IEnumerable<(string Name, byte[] Input)> Corpus() =>
        File.ReadLines(Path.Combine(FuzzRun.Folder("ApiServer/Fuzz/Corpus"), "selectors.txt")).Where(line => !line.StartsWith('#')).Select(line => (line, Encoding.UTF8.GetBytes(line)));
}
