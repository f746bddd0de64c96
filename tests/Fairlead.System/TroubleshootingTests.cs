using System.Text.RegularExpressions;
using Xunit;

namespace Fairlead.System;

/// <summary>
/// docs/troubleshooting.md: each command that it shows is run, in the order of the page, and prints what the page says it prints.
/// With FAIRLEAD_UPDATE_GOLDEN=1 the page gets today's output instead.
/// </summary>
public sealed partial class TroubleshootingTests
{
    private static readonly string Page = Path.Combine(Command.Root, "docs", "troubleshooting.md");

    /// <summary>What a command of the page needs beforehand, by its line without the remark behind it and the count of its turn.</summary>
    private static readonly Dictionary<(string Line, int Turn), Func<Kubectl, Task>> Before = new()
    {
        [("fairlead doctor svc/kubia -n t", 1)] = StartAsync,
        [("kubectl -n t describe pod/POD | grep 'probe failed: ls'", 1)] = UnreadyAsync,
        [("fairlead doctor svc/ownport -n t", 1)] = kubectl => ServiceAsync(kubectl, "ownport", "selector: { app: kubia }, ports: [ { port: 80 } ]"),
        [("fairlead doctor svc/local -n t", 1)] = LocalAsync,
        [("fairlead doctor svc/typo -n t", 1)] = kubectl => ServiceAsync(kubectl, "typo", "selector: { app: kubja }, ports: [ { port: 80, targetPort: 8080 } ]"),
    };

    [Fact]
    public async Task Page_EachCommand_PrintsWhatThePageShows()
    {
        await using var own = new OwnCluster("page");
        await own.UpAsync("--nodes", "2");
        await own.Kubectl.RunAsync("create", "namespace", "t");
        var kubectl = new Kubectl(own.Kubeconfig, "t");
        var environment = new Dictionary<string, string> { ["KUBECONFIG"] = own.Kubeconfig };
        var page = await File.ReadAllTextAsync(Page);
        var renewed = page;
        var turns = new Dictionary<string, int>();
        var count = 0;
        foreach (Match block in Block().Matches(page))
        {
            var (line, part, shown) = (PodName().Replace(block.Groups["line"].Value.Trim(), "POD"), block.Groups["part"].Value.Trim(), block.Groups["output"].Value);
            var turn = turns[line] = turns.GetValueOrDefault(line) + 1;
            if (Before.TryGetValue((line, turn), out var prepare)) await prepare(kubectl);
            var command = line.Replace("fairlead ", $"{Command.Fairlead} ", StringComparison.Ordinal).Replace("POD", await UnreadyPodAsync(kubectl), StringComparison.Ordinal);

            var last = "";
            async Task<bool> IsAsync()
            {
                last = Part(part, (await Command.TryAsync("sh", ["-c", command], environment: environment)).Output.Replace(Command.Fairlead, "fairlead", StringComparison.Ordinal));
                return Normal(last) == Normal(shown);
            }
            if (Environment.GetEnvironmentVariable("FAIRLEAD_UPDATE_GOLDEN") == "1") renewed = await RenewAsync(renewed, shown, IsAsync, () => last);
            else Assert.True(await WithinAsync(IsAsync), $"{command}\n{Normal(last)}\nis not what the page shows:\n{Normal(shown)}");
            count++;
        }
        Assert.Equal(9, count);
        // The commands name the pod that the output names.
        if (renewed != page) await File.WriteAllTextAsync(Page, PodOfCommand().Replace(renewed, $"${{before}}{await UnreadyPodAsync(kubectl)}"));
    }

    /// <summary>Three ready pods, and a client.</summary>
    private static async Task StartAsync(Kubectl kubectl)
    {
        await kubectl.RunAsync("apply", "-f", "examples/readiness/");
        await kubectl.ApplyAsync("{ apiVersion: v1, kind: Pod, metadata: { name: client }, spec: { containers: [ { name: main, image: fairlead/host, command: [ sleep, '1000' ] } ] } }");
        await kubectl.RunAsync("wait", "--for=condition=Ready", "pod/client", "--timeout=60s");
        foreach (var pod in await Until.AsyncHolds(() => kubectl.WordsAsync("pods", "{.items[?(@.status.phase==\"Running\")].metadata.name}", "-l", "app=kubia"), pods => pods.Length == 3, "three pods"))
            await kubectl.RunAsync("exec", pod, "--", "touch", "/var/ready");
        await kubectl.WaitForEndpointsAsync("kubia", 3);
    }

    /// <summary>Of the two on one node, so that both nodes still have one.</summary>
    private static async Task UnreadyAsync(Kubectl kubectl)
    {
        var placed = (await kubectl.RunAsync("get", "pods", "-l", "app=kubia", "-o", "jsonpath={range .items[*]}{.metadata.name} {.spec.nodeName}{\"\\n\"}{end}")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' '));
        await kubectl.RunAsync("exec", placed.GroupBy(words => words[1]).MaxBy(group => group.Count())!.First()[0], "--", "rm", "/var/ready");
        await kubectl.WaitForEndpointsAsync("kubia", 2);
    }

    private static async Task LocalAsync(Kubectl kubectl)
    {
        await kubectl.ApplyAsync(Doctor.Pod("local", "local", "node1", "busybox, httpd, -f, -p, '127.0.0.1:8080'"));
        await kubectl.RunAsync("wait", "--for=condition=Ready", "pod/local", "--timeout=60s");
        await ServiceAsync(kubectl, "local", "selector: { app: local }, ports: [ { port: 80, targetPort: 8080 } ]");
    }

    private static Task ServiceAsync(Kubectl kubectl, string name, string spec) => kubectl.ApplyAsync($"{{ apiVersion: v1, kind: Service, metadata: {{ name: {name} }}, spec: {{ {spec} }} }}");

    private static async Task<string> UnreadyPodAsync(Kubectl kubectl)
    {
        var pods = await kubectl.RunAsync("get", "pods", "-l", "app=kubia", "--ignore-not-found", "-o", "jsonpath={range .items[*]}{.metadata.name} {.status.conditions[?(@.type==\"Ready\")].status}{\"\\n\"}{end}");
        return pods.Split('\n').FirstOrDefault(line => line.EndsWith(" False", StringComparison.Ordinal))?.Split(' ')[0] ?? "none";
    }

    /// <summary>What the remark behind a command says is shown of its output.</summary>
    private static string Part(string remark, string output)
    {
        var findings = output.Split("\n\n", 2) is [_, var rest] ? rest : output;
        return remark switch
        {
            "of its output, the findings" => findings,
            "of its output, the first finding" => findings.Split("\n\n")[0],
            _ => output,
        };
    }

    private static async Task<bool> WithinAsync(Func<Task<bool>> holds)
    {
        var start = TimeProvider.System.GetTimestamp();
        while (!await holds())
        {
            if (TimeProvider.System.GetElapsedTime(start) > TimeSpan.FromSeconds(20)) return false;
            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System);
        }
        return true;
    }

    /// <summary>Today's output in place of what the page shows, once it has come to rest.</summary>
    private static async Task<string> RenewAsync(string page, string shown, Func<Task<bool>> look, Func<string> last)
    {
        await WithinAsync(look);
        var at = page.IndexOf(shown, StringComparison.Ordinal);
        var text = string.Concat(last().TrimEnd('\n').Split('\n').Select(line => line.Length == 0 ? "\n" : $"    {line}\n"));
        return page[..at] + text + page[(at + shown.Length)..];
    }

    /// <summary>Without what differs from one run to the next: addresses, names' ends, times, which node.</summary>
    private static string Normal(string output)
    {
        var lines = output.Split('\n').Select(line => Blank().Replace(Time().Replace(Age().Replace(Port().Replace(PodAddress().Replace(ServiceAddress().Replace(Node().Replace(PodName().Replace(line, "POD"), "NODE"), "SERVICE"), "ADDRESS"), ":PORT"), "AGE"), ""), " ").Trim())
            // How many elements there are on a node depends on which pods are.
            .Select(line => Elements().Replace(line, "N elements")).Select(line => line.StartsWith("slices ", StringComparison.Ordinal) ? $"slices {string.Join(", ", line["slices ".Length..].Split(", ").Order())}" : line).Where(line => line.Length > 0).ToList();
        // The order of addresses is that of their numbers.
        return string.Join('\n', lines.TakeWhile(line => !line.StartsWith("connect", StringComparison.Ordinal)).Concat(lines.Where(line => line.StartsWith("connect", StringComparison.Ordinal)).Order())
            .Concat(lines.SkipWhile(line => !line.StartsWith("connect", StringComparison.Ordinal)).Where(line => !line.StartsWith("connect", StringComparison.Ordinal))));
    }

    [GeneratedRegex(@"^    \$ (?<line>[^#\n]+)(?:# (?<part>[^\n]*))?\n(?<output>(?:    [^$\n][^\n]*\n|\n(?=    [^$\n]))*)", RegexOptions.Multiline)]
    private static partial Regex Block();

    [GeneratedRegex(@"\bkubia-[a-z0-9]{5}\b")]
    private static partial Regex PodName();

    [GeneratedRegex(@"(?<before>^    \$ kubectl .*)\bkubia-[a-z0-9]{5}\b", RegexOptions.Multiline)]
    private static partial Regex PodOfCommand();

    [GeneratedRegex(@"\bnode\d\b")]
    private static partial Regex Node();

    [GeneratedRegex(@"\b10\.96\.(?!0\.)\d+\.\d+\b")]
    private static partial Regex ServiceAddress();

    [GeneratedRegex(@"\b10\.244\.\d+\.\d+\b")]
    private static partial Regex PodAddress();

    [GeneratedRegex(@":\d{5}\b")]
    private static partial Regex Port();

    [GeneratedRegex(@"\d+[smh]?\d*[smh]? \(x\d+ over [^)]*\)|\bfor \d+ (?:s|min|h|days)\b|(?<=Unhealthy\s+)\d+[smh]\d*s?(?=\s)")]
    private static partial Regex Age();

    [GeneratedRegex(@"\s+\d+\.\d ms$")]
    private static partial Regex Time();

    [GeneratedRegex(@"\b\d+ elements")]
    private static partial Regex Elements();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blank();
}
