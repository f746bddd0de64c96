using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Xunit;

namespace Fairlead.System;

/// <summary>exec, attach and port-forward, over WebSocket and over SPDY, which newer kubectls speak when told to and older ones only.</summary>
public sealed partial class StreamTests(Cluster cluster)
{
    private static readonly Dictionary<string, string> Spdy = new() { ["KUBECTL_REMOTE_COMMAND_WEBSOCKETS"] = "false", ["KUBECTL_PORT_FORWARD_WEBSOCKETS"] = "false" };

    private static Dictionary<string, string>? Environment(bool spdy) => spdy ? Spdy : null;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Exec_MuchInput_ArrivesWholeAndCodesComeBack(bool spdy)
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await StartAsync(kubectl, "main");
        var input = new string('x', 10_000_000);

        var sum = await kubectl.TryAsync(["exec", "-i", "main", "--", "sha256sum"], input, Environment(spdy));
        var failed = await kubectl.TryAsync(["exec", "main", "--", "sh", "-c", "echo out; echo wrong >&2; exit 7"], environment: Environment(spdy));
        var echoed = await kubectl.TryAsync(["exec", "-i", "main", "--", "cat"], input, Environment(spdy));
        var longWord = input[..100_000];
        var spoken = await kubectl.TryAsync(["exec", "main", "--", "echo", longWord], environment: Environment(spdy));

        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(input))) + "  -\n", sum.Output);
        Assert.Equal((7, "out\n"), (failed.Code, failed.Output));
        Assert.True(spoken.Output == longWord + "\n", spoken.Error);
        Assert.StartsWith("wrong\n", failed.Error, StringComparison.Ordinal);
        Assert.True(echoed.Output == input, $"{echoed.Output.Length} bytes came back: {echoed.Error}");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Run_WithInput_AttachesAndRemoves(bool spdy)
    {
        await using var kubectl = await cluster.NamespaceAsync();

        var run = await kubectl.TryAsync(["run", "-i", "--rm", "--restart=Never", "--image=fairlead/host", "once", "--", "sh", "-c", "read line; echo got $line"], "word\n", Environment(spdy));

        Assert.True(run.Code == 0, run.Error);
        Assert.Contains("got word", run.Output, StringComparison.Ordinal);
        Assert.Empty(await kubectl.WordsAsync("pods", "{.items[*].metadata.name}"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task PortForward_ToPod_CarriesManyConnectionsAndTellsOfRefusals(bool spdy)
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await StartAsync(kubectl, "main");
        using (var forward = await Forward.StartAsync(cluster, kubectl, "pod/main", 8080, Environment(spdy)))
        {
            var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Command.TryAsync("curl", ["-s", "--max-time", "10", $"http://127.0.0.1:{forward.Port}/"])));
            Assert.All(answers, answer => Assert.Equal("You've hit main\n", answer.Output));
        }
        using (var forward = await Forward.StartAsync(cluster, kubectl, "pod/main", 9999, Environment(spdy)))
        {
            Assert.NotEqual(0, (await Command.TryAsync("curl", ["-s", "--max-time", "10", $"http://127.0.0.1:{forward.Port}/"])).Code);
            Assert.Matches(@"error forwarding port 9999 to pod \S+, uid : failed to execute portforward in network namespace .* dial tcp4 127\.0\.0\.1:9999: connect: connection refused", await forward.ReadErrorAsync());
        }
    }

    [Fact]
    public async Task PortForward_ToService_ReachesItsTargetPort()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("apply", "-f", "examples/kubia/");
        await kubectl.WaitForServingAsync("kubia", 3);
        using var forward = await Forward.StartAsync(cluster, kubectl, "svc/kubia", 80, null);

        Assert.StartsWith("You've hit kubia-", (await Command.TryAsync("curl", ["-s", "--max-time", "10", $"http://127.0.0.1:{forward.Port}/"])).Output, StringComparison.Ordinal);
    }

    /// <summary>Also where its input stands still, so that nobody reads what the client's end would show in.</summary>
    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    [InlineData(false, true)]
    public async Task Exec_ClientKilled_LeavesNoProcess(bool spdy, bool stalled)
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await StartAsync(kubectl, "main");
        var mark = $"7{Guid.NewGuid().GetHashCode() & 0xFFFFFF:D8}";
        using (var exec = Command.Start("kubectl", ["--kubeconfig", cluster.Kubeconfig, "-n", kubectl.Namespace, "exec", "-i", "main", "--", "sh", "-c", $"echo up; sleep {mark}"], Environment(spdy), input: true))
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            Assert.Equal("up", await exec.StandardOutput.ReadLineAsync(patience.Token));
            if (stalled) await FillAsync(exec);
            exec.Kill();
        }

        await Until.AsyncHolds(() => Task.FromResult(Processes(mark)), count => count == 0, "no process of the exec is left");
    }

    /// <summary>More than all the buffers on the way hold; what is not taken any more ends it.</summary>
    private static async Task FillAsync(Process exec)
    {
        var bytes = new byte[1 << 20];
        using var enough = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        try
        {
            while (true) await exec.StandardInput.BaseStream.WriteAsync(bytes, enough.Token);
        }
        catch (OperationCanceledException)
        {
        }
    }

    private static int Processes(string mark) => Directory.EnumerateDirectories("/proc").Count(folder =>
    {
        try
        {
            return File.ReadAllText(Path.Combine(folder, "cmdline")).Replace('\0', ' ') == $"sleep {mark} ";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    });

    private static async Task StartAsync(Kubectl kubectl, string name)
    {
        await kubectl.ApplyAsync($"{{ apiVersion: v1, kind: Pod, metadata: {{ name: {name}, labels: {{ app: {name} }} }}, spec: {{ terminationGracePeriodSeconds: 0, containers: [ {{ name: main, image: fairlead/host, command: [ fairlead, echo, --port, '8080' ] }} ] }} }}");
        await kubectl.WaitForServingAsync(name, 1);
    }

    /// <summary>A running <c>kubectl port-forward</c> from a port of its own choice.</summary>
    private sealed partial class Forward(Process process, string port) : IDisposable
    {
        public string Port => port;

        public static async Task<Forward> StartAsync(Cluster cluster, Kubectl kubectl, string target, int port, IReadOnlyDictionary<string, string>? environment)
        {
            var process = Command.Start("kubectl", ["--kubeconfig", cluster.Kubeconfig, "-n", kubectl.Namespace, "port-forward", target, $":{port}"], environment);
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            var line = await process.StandardOutput.ReadLineAsync(patience.Token) ?? throw new InvalidOperationException(await process.StandardError.ReadToEndAsync(patience.Token));
            return new Forward(process, Local().Match(line).Groups[1].Value);
        }

        public async Task<string> ReadErrorAsync()
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            return await process.StandardError.ReadLineAsync(patience.Token) ?? "";
        }

        public void Dispose()
        {
            process.Kill();
            process.Dispose();
        }

        [GeneratedRegex(@"^Forwarding from 127\.0\.0\.1:(\d+) -> ")]
        private static partial Regex Local();
    }
}
