using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Fairlead.Linux.Processes;

namespace Fairlead.Node.Runtime.Oci;

internal sealed partial class OciRuntime
{
    public async Task<IExecSession> ExecAsync(string podUid, string containerId, ExecConfig config, CancellationToken cancel)
    {
        if (Find(podUid, containerId) is not { Phase: ContainerPhase.Running })
            throw new RuntimeException($"container {containerId} is not running");
        var folder = Directory.CreateDirectory($"{_paths.Namespaces(podUid)}/exec-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}").FullName;
        PseudoTerminal? terminal = null;
        Process? process = null;
        try
        {
            WriteExecProcess(FilesOf(podUid, containerId).Spec, $"{folder}/process.json", config);
            terminal = config.Tty ? OpenTerminal(config) : null;
            process = StartExec(folder, containerId, config, terminal);
            return await BeginAsync(folder, process, terminal, config, cancel);
        }
        catch
        {
            if (process is { HasExited: false }) process.Kill();
            process?.Dispose();
            terminal?.Dispose();
            Directory.Delete(folder, recursive: true);
            throw;
        }
    }

    /// <summary>The pid file appears when the process runs; a runtime that ends without one could not start it, and says why.</summary>
    private static async Task<IExecSession> BeginAsync(
        string folder, Process process, PseudoTerminal? terminal, ExecConfig config, CancellationToken cancel)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var watch = new ExitWatcher(folder, name => { if (name == OciExecSession.PidFile) started.TrySetResult(); });
        watch.TellAll();
        var exited = process.WaitForExitAsync(cancel);
        await Task.WhenAny(started.Task, exited);
        cancel.ThrowIfCancellationRequested();
        if (!File.Exists($"{folder}/{OciExecSession.PidFile}"))
        {
            var words = terminal is null ? await process.StandardError.ReadToEndAsync(cancel) : await ReadTerminalAsync(terminal, cancel);
            throw new RuntimeException($"OCI runtime exec failed: {OciCommand.Readable(words)}");
        }
        return new OciExecSession(folder, process, terminal, config.Stdin);
    }

    private static PseudoTerminal OpenTerminal(ExecConfig config)
    {
        var terminal = PseudoTerminal.Open();
        terminal.Stream.Resize(config.Columns, config.Rows);
        return terminal;
    }

    /// <summary>With a terminal the runtime gets its own end of ours by path, and passes bytes and size on to the container's.</summary>
    private Process StartExec(string folder, string containerId, ExecConfig config, PseudoTerminal? terminal)
    {
        string[] line =
        [
            _command.RuntimePath, "--root", _command.StateFolder, "exec", "--process", $"{folder}/process.json",
            "--pid-file", $"{folder}/{OciExecSession.PidFile}", containerId,
        ];
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
