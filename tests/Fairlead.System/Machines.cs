using System.Diagnostics;
using System.Text;
using Xunit;

namespace Fairlead.System;

/// <summary>
/// A server and nodes on machines of their own, as far as the network is concerned: a namespace each, joined by a switch. Nothing is
/// prepared on a node. Disposing ends all of it.
/// </summary>
public sealed class Machines : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static int s_count;

    // Tests run beside each other.
    private readonly string _prefix = $"fls{Environment.ProcessId % 100000}-{Interlocked.Increment(ref s_count)}";
    private readonly string _subnet = $"10.{100 + Random.Shared.Next(100)}.{Random.Shared.Next(256)}";
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("fairlead-join-");
    private readonly List<(string Name, Process Process, StringBuilder Log)> _running = [];
    private readonly List<string> _namespaces = [];
    private readonly List<string> _nodes = [];

    /// <summary>Name of the cluster in the nodes' folders.</summary>
    public string Cluster => _prefix;

    public string Server => $"https://{_subnet}.1:6443";

    /// <summary>For what else a test needs in files; gone with it.</summary>
    public string Folder => _folder.FullName;

    public string Kubeconfig => Path.Combine(_folder.FullName, "admin.kubeconfig");

    /// <summary>Makes the switch and the server's machine, and starts the server; answers what it prints once it is ready.</summary>
    /// <param name="more">Options of the server's.</param>
    public async Task<string> StartServerAsync(params string[] more)
    {
        await AddNamespaceAsync("switch");
        await Command.RunAsync("ip", "-n", Space("switch"), "link", "add", "br0", "type", "bridge");
        await Command.RunAsync("ip", "-n", Space("switch"), "link", "set", "br0", "up");
        await AddMachineAsync("server", 1);
        var log = Start("server", ["server", "--data-dir", _folder.FullName, "--bind-address", $"{_subnet}.1", .. more]);
        return await Until.AsyncHolds(() => Task.FromResult(Read(log)), text => text.Contains("--ca-cert-hash", StringComparison.Ordinal) && text.EndsWith('\n'), "the server prints the join command");
    }

    /// <summary>The words of the command that a server prints, by which machines join it: fairlead agent and its options.</summary>
    public static string[] JoinCommand(string printed) =>
        printed.Split('\n').Single(line => line.TrimStart().StartsWith("fairlead agent ", StringComparison.Ordinal)).Trim().Split(' ');

    /// <summary>Where a machine of that number is; the server is 1.</summary>
    public string Address(int number) => $"{_subnet}.{number}";

    /// <returns>Its address.</returns>
    public async Task<string> AddMachineAsync(string name, int address)
    {
        var port = await PlugAsync(name, Address(address), Address(254));
        await Command.RunAsync("ip", "-n", Space("switch"), "link", "set", port, "master", "br0");
        return Address(address);
    }

    /// <summary>A machine of another segment: the switch is a router too, which knows the way to machines and passes no pod's address.</summary>
    /// <returns>Its address.</returns>
    public async Task<string> AddFarMachineAsync(string name)
    {
        const string Beyond = "192.168.77";
        var port = await PlugAsync(name, $"{Beyond}.2", $"{Beyond}.254");
        await Command.RunAsync("ip", "-n", Space("switch"), "addr", "add", $"{Beyond}.254/24", "dev", port);
        await Command.RunAsync("ip", "-n", Space("switch"), "addr", "add", $"{Address(254)}/24", "dev", "br0");
        await OnAsync("switch", "sh", "-ec",
            $"echo 1 > /proc/sys/net/ipv4/ip_forward; nft 'add table ip fw; add chain ip fw pass {{ type filter hook forward priority 0; }}; add rule ip fw pass iifname {port} ip saddr 10.244.0.0/16 drop; add rule ip fw pass oifname {port} ip daddr 10.244.0.0/16 drop'");
        return $"{Beyond}.2";
    }

    /// <summary>Runs a program on a machine, which must succeed.</summary>
    public async Task<string> OnAsync(string machine, params string[] words)
    {
        var result = await TryOnAsync(machine, words);
        Assert.True(result.Code == 0, result.Error);
        return result.Output;
    }

    /// <summary>Runs a program on a machine, which may fail.</summary>
    public Task<CommandResult> TryOnAsync(string machine, params string[] words) => Command.TryAsync("nsenter", [$"--net=/run/netns/{Space(machine)}", .. words]);

    /// <summary>kubectl on the server's machine, which must succeed.</summary>
    public async Task<string> KubectlAsync(params string[] arguments)
    {
        var result = await TryOnAsync("server", ["kubectl", "--kubeconfig", Kubeconfig, .. arguments]);
        Assert.True(result.Code == 0, $"kubectl {string.Join(' ', arguments)}: {result.Error}{result.Output}\n{Logs()}");
        return result.Output.TrimEnd('\n');
    }

    /// <summary>Applies a manifest given as text, once the server takes it.</summary>
    public async Task ApplyAsync(string manifest)
    {
        var file = Path.Combine(_folder.FullName, "manifest.yaml");
        // The line before it says YAML: kubectl takes what begins with a brace for JSON.
        await File.WriteAllTextAsync(file, "---\n" + manifest);
        await Until.AsyncHolds(() => TryOnAsync("server", "kubectl", "--kubeconfig", Kubeconfig, "apply", "-f", file), result => result.Code == 0, "the manifest is accepted");
    }

    /// <summary>Starts one of the commands on a machine, until all is disposed of.</summary>
    public void StartCommand(string machine, params string[] words) => Start(machine, words);

    /// <summary>Starts another program on a machine, until all is disposed of.</summary>
    public void StartProgram(string machine, string program, params string[] words) => Run(machine, program, words);

    /// <summary>Starts the agent of a machine, with what the server printed or with nothing.</summary>
    public void StartAgent(string machine, params string[] join)
    {
        if (!_nodes.Contains(machine)) _nodes.Add(machine);
        Start(machine, ["agent", .. join, "--cluster", Cluster, "--node-name", machine]);
    }

    /// <summary>Tries to join, which must fail; answers what it says.</summary>
    public async Task<string> RefusedAsync(string machine, params string[] join)
    {
        var result = await TryOnAsync(machine, [Command.Fairlead, "agent", .. join, "--cluster", Cluster, "--node-name", machine]);
        Assert.Equal(1, result.Code);
        return result.Error;
    }

    public async Task StopAsync(string machine)
    {
        var (_, process, _) = _running.Last(one => one.Name == machine);
        process.Kill();
        await process.WaitForExitAsync();
    }

    /// <summary>Ends a machine's command as a service manager does, and waits for its end.</summary>
    public async Task TerminateAsync(string machine)
    {
        var (_, process, _) = _running.Last(one => one.Name == machine);
        await Command.RunAsync("kill", "-TERM", $"{process.Id}");
        await process.WaitForExitAsync();
    }

    /// <summary>Pulls a machine's cable: nothing comes from it any more, nor does it notice.</summary>
    public Task UnplugAsync(string machine) => Command.RunAsync("ip", "-n", Space("switch"), "link", "set", $"p-{machine}", "nomaster");

    public string Logs() => string.Concat(_running.Select(one => $"--- {one.Name}\n{Read(one.Log)}"));

    public async ValueTask DisposeAsync()
    {
        foreach (var (_, process, _) in _running)
        {
            if (!process.HasExited) process.Kill();
            using var patience = new CancellationTokenSource(Patience);
            await process.WaitForExitAsync(patience.Token);
            process.Dispose();
        }
        var left = new List<string>();
        foreach (var node in _nodes)
        {
            var reset = await TryOnAsync(node, Command.Fairlead, "reset", "--cluster", Cluster, "--node-name", node);
            if (reset.Code != 0) left.Add(reset.Error);
        }
        foreach (var space in _namespaces) await Command.TryAsync("ip", ["netns", "del", space]);
        _folder.Delete(recursive: true);
        Assert.Empty(left);
        Assert.False(Directory.Exists($"/var/lib/fairlead/{Cluster}"), "reset leaves nothing");
    }

    private string Space(string machine) => $"{_prefix}-{machine}";

    /// <summary>A machine with its cable in the switch; answers the port's name there.</summary>
    private async Task<string> PlugAsync(string name, string address, string gateway)
    {
        await AddNamespaceAsync(name);
        var port = $"p-{name}";
        await Command.RunAsync("ip", "link", "add", "eth0", "netns", Space(name), "type", "veth", "peer", "name", port, "netns", Space("switch"));
        await Command.RunAsync("ip", "-n", Space("switch"), "link", "set", port, "up");
        await Command.RunAsync("ip", "-n", Space(name), "addr", "add", $"{address}/24", "dev", "eth0");
        await Command.RunAsync("ip", "-n", Space(name), "link", "set", "lo", "up");
        await Command.RunAsync("ip", "-n", Space(name), "link", "set", "eth0", "up");
        // Cluster IPs need a way out to begin with, as every machine has one.
        await Command.RunAsync("ip", "-n", Space(name), "route", "add", "default", "via", gateway);
        return port;
    }

    private async Task AddNamespaceAsync(string name)
    {
        _namespaces.Add(Space(name));
        await Command.RunAsync("ip", "netns", "add", Space(name));
    }

    private StringBuilder Start(string machine, params string[] words) => Run(machine, Command.Fairlead, words);

    private StringBuilder Run(string machine, string program, params string[] words)
    {
        var log = new StringBuilder();
        var process = Command.Start("nsenter", [$"--net=/run/netns/{Space(machine)}", program, .. words]);
        process.OutputDataReceived += (_, line) => Append(log, line.Data);
        process.ErrorDataReceived += (_, line) => Append(log, line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        _running.Add((machine, process, log));
        return log;
    }

    private static void Append(StringBuilder log, string? line)
    {
        if (line is null) return;
        lock (log) log.AppendLine(line);
    }

    private static string Read(StringBuilder log)
    {
        lock (log) return log.ToString();
    }
}
