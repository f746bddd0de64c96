using System.Diagnostics;

namespace Fairlead.Node.Runtime.Oci;

/// <summary>Runs the OCI runtime and conmon as processes.</summary>
internal sealed class OciCommand(string runtime, string conmon, string stateFolder)
{
    public string RuntimePath => runtime;

    public string StateFolder => stateFolder;

    /// <summary>Runs the runtime with arguments after its global ones.</summary>
    /// <exception cref="RuntimeException">It exited other than with 0; the message is what it said.</exception>
    public async Task RunAsync(IEnumerable<string> arguments, CancellationToken cancel)
    {
        using var process = Start(runtime, ["--root", stateFolder, .. arguments]);
        var errors = process.StandardError.ReadToEndAsync(cancel);
        await process.StandardOutput.ReadToEndAsync(cancel);
        await process.WaitForExitAsync(cancel);
        if (process.ExitCode != 0) throw new RuntimeException(Readable(await errors));
    }

    /// <summary>
    /// As <see cref="RunAsync"/>, for arguments that leave a process behind, which would hold the pipes of our ends open: nothing is passed on to it,
    /// and what the runtime has to say goes to a file.
    /// </summary>
    /// <exception cref="RuntimeException">It exited other than with 0; the message is what it said.</exception>
    public async Task RunDetachedAsync(IEnumerable<string> arguments, string logFile, CancellationToken cancel)
    {
        string[] line = ["-c", "exec \"$@\" </dev/null >/dev/null 2>&1", "sh", runtime, "--root", stateFolder, "--log", logFile, .. arguments];
        using var process = Process.Start(new ProcessStartInfo("/bin/sh", line) { WorkingDirectory = "/" }) ?? throw new RuntimeException("/bin/sh did not start");
        await process.WaitForExitAsync(cancel);
        if (process.ExitCode != 0) throw new RuntimeException(Readable(File.Exists(logFile) ? await File.ReadAllTextAsync(logFile, cancel) : ""));
    }

    /// <summary>
    /// Creates a container under a conmon of its own, which lives in a session of its own and so outlives the agent.
    /// Answers the process id of the container's first process.
    /// </summary>
    /// <remarks>conmon reports on the pipe whose number is in _OCI_SYNCPIPE; the shell makes that our end of its output.</remarks>
    public async Task<int> CreateUnderConmonAsync(IEnumerable<string> arguments, CancellationToken cancel)
    {
        string[] line =
        [
            "-c", "exec \"$@\" 3>&1 >/dev/null", "sh", conmon, "--api-version", "1", "-r", runtime,
            "--runtime-arg", $"--root={stateFolder}", "--log-level", "error", "--full-attach", .. arguments,
        ];
        using var process = Start("/bin/sh", line, ("_OCI_SYNCPIPE", "3"));
        var report = await process.StandardOutput.ReadLineAsync(cancel);
        if (report is null) throw new RuntimeException($"conmon ended without a report: {Readable(await process.StandardError.ReadToEndAsync(cancel))}");
        var (pid, message) = ConmonReport.Parse(report);
        return pid > 0 ? pid : throw new RuntimeException(Readable(message ?? report));
    }

    public static Process Start(string program, IEnumerable<string> arguments, params ReadOnlySpan<(string Name, string Value)> variables)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        foreach (var (name, value) in variables) start.Environment[name] = value;
        var process = Process.Start(start) ?? throw new RuntimeException($"{program} did not start");
        process.StandardInput.Close();
        return process;
    }

    /// <summary>runc logs lines such as <c>time="…" level=error msg="…"</c>; the words are in msg.</summary>
    internal static string Readable(string errors)
    {
        var last = errors.Trim().Split('\n')[^1].Trim();
        var at = last.IndexOf("msg=\"", StringComparison.Ordinal);
        if (at >= 0) last = last[(at + 5)..].TrimEnd('"').Replace("\\\"", "\"", StringComparison.Ordinal);
        return last.Length == 0 ? "the OCI runtime failed without a word" : last;
    }
}
