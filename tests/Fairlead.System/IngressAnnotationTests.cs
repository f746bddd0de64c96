using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.RegularExpressions;
using Xunit;

namespace Fairlead.System;

/// <summary>All Ingresses of ingress-annotations.txt, and the services that they name.</summary>
public sealed class AnnotatedStand : IngressStand
{
    private readonly List<EchoingPod> _others = [];

    /// <summary>Asked by auth-url.</summary>
    internal EchoingPod Auth => _others[0];

    /// <summary>What braces stand for.</summary>
    internal string Fill(string text, WrittenPart part) => text.Replace("{host}", part.Host, StringComparison.Ordinal).Replace("{ingress}", part.NameOf(0), StringComparison.Ordinal)
        .Replace("{one}", Pods[0].Address, StringComparison.Ordinal).Replace("{two}", Pods[1].Address, StringComparison.Ordinal).Replace("{three}", Pods[2].Address, StringComparison.Ordinal)
        .Replace("{auth}", Auth.Address, StringComparison.Ordinal).Replace("{cluster}", _others[2].Address, StringComparison.Ordinal);

    protected override async Task PrepareAsync()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        using var made = new CertificateRequest("CN=pod", key, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        var certificate = X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
        _others.Add(await PodAsync(22));
        _others.Add(new EchoingPod(await OwnAsync(23), certificate: certificate));
        // Of the lower part of the range, from which no address is given to who asks for none.
        _others.Add(new EchoingPod(await OwnAsync(140), port: 80));
        await Kubectl.RunAsync("create", "secret", "generic", "users", $"--from-literal=auth=jane:{await HashAsync("-apr1")}\n");
        await Kubectl.RunAsync("create", "secret", "generic", "map", $"--from-literal=john={await HashAsync("-6")}");
        await ApplyAsync([
            ServiceOf("secure", Ready(_others[1])), ServiceOf("empty", ""), ServiceOf("cluster", Ready(Pods[0]), more: $"clusterIP: {_others[2].Address}"),
            .. AnnotationTable.Parts.SelectMany(Manifests), IngressOf("after-all", "after-all.example.com"),
        ]);
        await IsServedAsync("after-all.example.com");
        Assert.Empty(await Kubectl.RunAsync("get", "events", "--field-selector", "type=Warning", "-o", "name"));
    }

    private IEnumerable<string> Manifests(WrittenPart part) => part.Ingresses.Select((ingress, at) =>
        IngressOf(part.NameOf(at), part.Host, Fill(string.Join('\n', ingress.Annotations), part), ingress.Path, ingress.Kind, ingress.Service, ingress.HasTls ? $"{{ hosts: [ {part.Host} ] }}" : ""));

    private static async Task<string> HashAsync(string kind) => (await Command.RunAsync("openssl", "passwd", kind, "secret")).Output.Trim();
}

/// <summary>Every annotation of docs/ingress.md: what it does to requests, and that a wrong one is told of, and harms no other.</summary>
public sealed class IngressAnnotationTests(AnnotatedStand stand) : IClassFixture<AnnotatedStand>
{
    private const string Prefix = "nginx.ingress.kubernetes.io/";

    public static TheoryData<string> Titles { get; } = [.. AnnotationTable.Parts.Select(part => part.Title)];

    [Theory]
    [MemberData(nameof(Titles))]
    public async Task Annotation_DoesWhatItsPartSays(string title)
    {
        var part = AnnotationTable.Parts.Single(part => part.Title == title);
        foreach (var question in part.Questions)
        {
            var words = question.Words.Select(word => stand.Fill(word, part)).ToArray();
            var answer = (await stand.AskAsync(UrlOf(words[0], part.Host), words[1..])).Split('\n');
            foreach (var (sign, text) in question.Expected) Check(sign, stand.Fill(text, part), sign == '@' ? stand.Auth.Seen.Last().Split('\n') : answer, question.Words[0]);
        }
    }

    [Theory]
    [InlineData("limit-rps: \"1\"", 6)]
    [InlineData("limit-rpm: \"1\"", 6)]
    [InlineData("limit-rpm: \"1\"\nlimit-burst-multiplier: \"2\"", 3)]
    [InlineData("limit-rpm: \"1\"\nlimit-whitelist: 127.0.0.0/8", 20)]
    [InlineData("limit-rpm: \"1\"\nlimit-allowlist: 127.0.0.1", 20)]
    public async Task Limit_LetsTheBurstThrough_AndThenAnswers503(string annotations, int through)
    {
        var host = $"limit-{Guid.NewGuid():N}.example.com";
        await stand.ApplyAsync(IngressStand.IngressOf(host.Split('.')[0], host, annotations));
        // Asked by another client, to whom it does not count.
        await Until.AsyncHolds(() => stand.StatusAsync($"http://{host}/", "--interface", "127.0.0.5"), status => status != "404", "it is served");
        var before = TimeProvider.System.GetTimestamp();

        var statuses = (await stand.CurlAsync($"http://{host}/?status=200", ["-w", "STATUS %{http_code}\\n", .. Enumerable.Range(1, 19).Select(number => $"http://{host}/?{number}")])).Lines
            .Where(line => line.StartsWith("STATUS ", StringComparison.Ordinal)).GroupBy(line => line[7..]).ToDictionary(group => group.Key, group => group.Count());

        // While they were asked, some of the burst drained.
        var drained = 2 + (int)TimeProvider.System.GetElapsedTime(before).TotalSeconds;
        Assert.InRange(statuses["200"], through, through + drained);
        Assert.Equal(20 - statuses["200"], statuses.GetValueOrDefault("503"));
    }

    [Fact]
    public async Task LimitConnections_RefusesTheSecondAtATime()
    {
        const string host = "limit-connections.example.com";
        var go = new TaskCompletionSource();
        var pod = stand.Pods[2];
        await stand.ServeAsync(host, "limit-connections: \"1\"", service: "three");
        pod.Instead = async (_, _, stream) =>
        {
            await go.Task;
            await stream.WriteAsync("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"u8.ToArray());
        };
        var seen = pod.Seen.Count;
        var first = stand.StatusAsync($"http://{host}/");
        await Until.AsyncHolds(() => Task.FromResult(pod.Seen.Count), count => count > seen, "the pod has the first");

        Assert.Equal("503", await stand.StatusAsync($"http://{host}/"));
        go.SetResult();
        Assert.Equal("200", await first);
        pod.Instead = null;
        Assert.Equal("200", await stand.StatusAsync($"http://{host}/"));
    }

    /// <summary>A weight that is neither nothing nor all.</summary>
    [Fact]
    public async Task CanaryWeight_IsAShare_AndSessionsStayOnTheirSide_UnlessTheyAreNotTo()
    {
        const string host = "share.example.com", sticky = "sticky-canary.example.com", legacy = "legacy-canary.example.com", canary = "canary: \"true\"\ncanary-weight: \"50\"", cookie = "affinity: cookie\nsession-cookie-name: route";
        await stand.ApplyAsync(
            IngressStand.IngressOf("share", host, service: "one"), IngressStand.IngressOf("share-canary", host, canary, service: "two"),
            IngressStand.IngressOf("sticky", sticky, cookie, service: "one"), IngressStand.IngressOf("sticky-canary", sticky, canary + "\n" + cookie, service: "two"),
            IngressStand.IngressOf("legacy", legacy, cookie + "\naffinity-canary-behavior: legacy", service: "one"),
            IngressStand.IngressOf("legacy-canary", legacy, canary + "\n" + cookie + "\naffinity-canary-behavior: legacy", service: "two"));
        await stand.IsServedAsync(legacy);

        // One of a thousand million million such runs would have all on one side.
        Assert.Equal(2, (await stand.PodsOfAsync(60, number => $"http://{host}/{number}")).Distinct().Count());
        var jar = $"{stand.Folder}/canary-jar";
        var mine = await stand.PodOfAsync($"http://{sticky}/", "-c", jar);
        Assert.All(await stand.PodsOfAsync(60, number => $"http://{sticky}/{number}", "-b", jar), pod => Assert.Equal(mine, pod));
        await stand.PodOfAsync($"http://{legacy}/", "-c", jar);
        Assert.Equal(2, (await stand.PodsOfAsync(60, number => $"http://{legacy}/{number}", "-b", jar)).Distinct().Count());
    }

    /// <summary>No value is good for any of them: what is to protect closes its Ingress, the others have no effect, and each is told.</summary>
    [Fact]
    public async Task WrongAnnotation_IsAnEvent_AndHarmsNoOther()
    {
        string[] guards = ["whitelist-source-range", "allowlist-source-range", "denylist-source-range", "limit-rps", "limit-rpm", "limit-connections", "auth-type", "auth-secret", "auth-secret-type", "auth-url", "auth-tls-secret", "auth-tls-verify-client", "auth-tls-verify-depth", "auth-tls-match-cn"];
        string[] names = [.. Documented(), "no-such"];
        await stand.ApplyAsync([.. names.Select(name => IngressStand.IngressOf($"wrong-{name}", $"{name}.wrong.example.com", $"{name}: \"(\\a\"")), IngressStand.IngressOf("right", "right.example.com")]);
        await stand.IsServedAsync("right.example.com");

        Assert.Equal("200", await stand.StatusAsync("http://right.example.com/"));
        var events = await Until.AsyncHolds(
            () => stand.Kubectl.RunAsync("get", "events", "-o", "jsonpath={range .items[*]}{.involvedObject.name} {.type} {.reason} {.message}{\"\\n\"}{end}"),
            text => names.All(name => text.Contains($"wrong-{name} ", StringComparison.Ordinal)), "an Event of each");
        foreach (var name in names)
        {
            var told = events.Split('\n').First(line => line.StartsWith($"wrong-{name} ", StringComparison.Ordinal));
            var begins = name == "no-such" ? $"Warning UnknownAnnotation {Prefix}no-such is not known here" : $"Warning InvalidAnnotation {Prefix}{name}: {(name.EndsWith("-snippet", StringComparison.Ordinal) ? "" : "expects ")}";
            Assert.StartsWith($"wrong-{name} {begins}", told, StringComparison.Ordinal);
            Assert.Equal(name.EndsWith("-snippet", StringComparison.Ordinal), told.Contains("snippets of nginx' configuration are refused", StringComparison.Ordinal) || told.Contains("there is no ModSecurity here", StringComparison.Ordinal));
        }
        var answers = await stand.CurlAsync("http://right.example.com/", ["-o", "/dev/null", "-w", "%{http_code}\\n", .. names.SelectMany(name => (string[])["--next", "-s", "-o", "/dev/null", "-w", "%{http_code}\\n", $"http://{stand.Address}/", "-H", $"Host: {name}.wrong.example.com"])]);
        Assert.Equal(names.Select(name => $"{name} {(guards.Contains(name) ? "503" : "200")}"), names.Zip(answers.Lines.Skip(1), (name, status) => $"{name} {status}"));
    }

    /// <summary>What the page names, the table shows, or a test beside it that writes the annotation down.</summary>
    [Fact]
    public void EveryAnnotationOfThePage_IsShown()
    {
        var folder = Path.Combine(Command.Root, "tests", "Fairlead.System");
        var shown = string.Join('\n', ((string[])[Path.Combine(folder, "ingress-annotations.txt"), .. Directory.GetFiles(folder, "*.cs")]).Select(File.ReadAllText));

        Assert.DoesNotContain(Documented(), name => !name.EndsWith("-snippet", StringComparison.Ordinal) && !Regex.IsMatch(shown, $"(^|[ \"n/]){name}[:=] ?[^ ]", RegexOptions.Multiline));
    }

    /// <summary>The names in the table of docs/ingress.md.</summary>
    private static string[] Documented()
    {
        var rows = File.ReadLines(Path.Combine(Command.Root, "docs", "ingress.md")).SkipWhile(line => !line.StartsWith("| what | annotations", StringComparison.Ordinal)).Skip(2).TakeWhile(line => line.StartsWith('|'));
        string[] names = [.. rows.SelectMany(row => Regex.Matches(row.Split('|')[2], "`([^`]+)`").Select(match => match.Groups[1].Value))];
        Assert.True(names.Length > 60, $"{names.Length} names");
        return names;
    }

    private static string UrlOf(string word, string host)
    {
        var scheme = word.StartsWith("https:", StringComparison.Ordinal) ? "https" : "http";
        var rest = scheme == "https" ? word["https:".Length..] : word;
        return rest[0] == '/' ? $"{scheme}://{host}{rest}" : $"{scheme}://{rest}";
    }

    private static void Check(char sign, string text, string[] lines, string asked)
    {
        var holds = sign switch
        {
            '~' => lines.Any(line => Regex.IsMatch(line, text)),
            '!' => !lines.Any(line => line.StartsWith(text, StringComparison.OrdinalIgnoreCase)),
            _ => lines.Any(line => line.StartsWith(text, StringComparison.Ordinal)),
        };
        Assert.True(holds, $"{asked}: {sign} {text}\n\n{string.Join('\n', lines)}");
    }
}
