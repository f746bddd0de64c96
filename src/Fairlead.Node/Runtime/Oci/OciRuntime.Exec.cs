using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Fairlead.Linux.Processes;

namespace Fairlead.Node.Runtime.Oci;

internal sealed partial class OciRuntime
{
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _startingExecs = new();

    public async Task<IExecSession> ExecAsync(string podUid, string containerId, ExecConfig config, CancellationToken cancel)
    {
        if (_pods.Find(podUid, containerId) is not { Phase: ContainerPhase.Running })
            throw new RuntimeException($"container {containerId} is not running");
        var id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        var pidFile = $"{_paths.Execs}/{id}";
        PseudoTerminal? terminal = null;
        Process? process = null;
        try
        {
            WriteExecProcess(FilesOf(podUid, containerId).Spec, $"{pidFile}.json", config);
            terminal = config.Tty ? OpenTerminal(config) : null;
            process = StartExec(pidFile, containerId, config, terminal);
            await WaitForStartAsync(id, pidFile, process, terminal, cancel);
            return new OciExecSession(pidFile, process, terminal, config.Stdin);
        }
        catch
        {
            if (process is { HasExited: false }) process.Kill();
            process?.Dispose();
            terminal?.Dispose();
            File.Delete(pidFile);
            throw;
        }
        finally
        {
            File.Delete($"{pidFile}.json");
        }
    }

    public async Task<IExecSession> AttachAsync(string podUid, string containerId, bool input, CancellationToken cancel)
    {
        if (_pods.Find(podUid, containerId) is not { Phase: ContainerPhase.Running } container)
            throw new RuntimeException($"container {containerId} is not running");
        var files = FilesOf(podUid, containerId);
        var terminal = container.Tty && ContainerFiles.ReadProcessId(files.ProcessId) is { } pid ? $"/proc/{pid}/root/dev/console" : null;
        return await ConmonAttach.ConnectAsync(files.Folder, _paths.AttachSockets, input && container.Stdin, container.StdinOnce, terminal, cancel);
    }

    private void OnExecStarted(string id)
    {
        if (_startingExecs.TryGetValue(id, out var started)) started.TrySetResult();
    }

    /// <summary>The pid file appears when the process runs; a runtime that ends without one could not start it, and says why.</summary>
    private async Task WaitForStartAsync(string id, string pidFile, Process process, PseudoTerminal? terminal, CancellationToken cancel)
    {
        var started = _startingExecs.GetOrAdd(id, _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        try
        {
            if (!File.Exists(pidFile)) await Task.WhenAny(started.Task, process.WaitForExitAsync(cancel));
            cancel.ThrowIfCancellationRequested();
            if (File.Exists(pidFile)) return;
            var words = terminal is null ? await process.StandardError.ReadToEndAsync(cancel) : await ReadTerminalAsync(terminal, cancel);
            throw new RuntimeException($"OCI runtime exec failed: {OciCommand.Readable(words)}");
        }
        finally
        {
            _startingExecs.TryRemove(id, out _);
        }
    }

    private static PseudoTerminal OpenTerminal(ExecConfig config)
    {
        var terminal = PseudoTerminal.Open();
        terminal.Stream.Resize(config.Columns, config.Rows);
        return terminal;
    }

    /// <summary>With a terminal the runtime gets its own end of ours by path, and passes bytes and size on to the container's.</summary>
    private Process StartExec(string pidFile, string containerId, ExecConfig config, PseudoTerminal? terminal)
    {
        string[] line = [_command.RuntimePath, "--root", _command.StateFolder, "exec", "--process", $"{pidFile}.json", "--pid-file", pidFile, containerId];
        var start = terminal is null
            ? new ProcessStartInfo(line[0], line[1..]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true }
            : new ProcessStartInfo("/bin/sh", ["-c", $"exec \"$@\" <>{terminal.Path} >&0 2>&1", "sh", .. line]);
        start.WorkingDirectory = "/";
        var process = Process.Start(start) ?? throw new RuntimeException("the OCI runtime did not start");
        if (terminal is null && !config.Stdin) process.StandardInput.Close();
        return process;
    }

    private static void WriteExecProcess(string spec, string target, ExecConfig config)
    {
        var process = JsonNode.Parse(File.ReadAllBytes(spec))?["process"]?.AsObject() ?? throw new RuntimeException($"{spec} has no process");
        process["args"] = new JsonArray([.. config.Command.Select(word => (JsonNode)word)]);
        process["terminal"] = config.Tty;
        if (config.Tty && process["env"] is JsonArray env && !env.Any(line => line!.GetValue<string>().StartsWith("TERM=", StringComparison.Ordinal)))
            env.Add((JsonNode)"TERM=xterm");
        File.WriteAllText(target, process.ToJsonString());
    }

    private static async Task<string> ReadTerminalAsync(PseudoTerminal terminal, CancellationToken cancel)
    {
        using var reader = new StreamReader(terminal.Stream, leaveOpen: true);
        return await reader.ReadToEndAsync(cancel);
    }
}
