using System.Diagnostics;
using System.Globalization;
using Fairlead.Linux.Processes;

namespace Fairlead.Node.Runtime.Oci;

/// <summary>A process that <c>runc exec</c> waits for and passes streams to.</summary>
internal sealed class OciExecSession : IExecSession
{
    private const int WindowChanged = 28;
    private readonly string _pidFile;
    private readonly Process _process;
    private readonly PseudoTerminal? _terminal;
    private volatile bool _isOver;

    public OciExecSession(string pidFile, Process process, PseudoTerminal? terminal, bool input)
    {
        _pidFile = pidFile;
        _process = process;
        _terminal = terminal;
        Input = !input ? null : terminal?.Stream ?? process.StandardInput.BaseStream;
        Output = terminal?.Stream ?? process.StandardOutput.BaseStream;
        Errors = terminal is null ? process.StandardError.BaseStream : null;
    }

    public Stream? Input { get; }

    public Stream Output { get; }

    public Stream? Errors { get; }

    public void CloseInput()
    {
        if (_terminal is null) Input?.Dispose();
    }

    public void Resize(ushort columns, ushort rows)
    {
        if (_terminal is null || _isOver || _process.HasExited) return;
        _terminal.Stream.Resize(columns, rows);
        // The terminal is not the runtime's controlling one, so the kernel does not tell it.
        ProcessHandle.TrySignal(_process.Id, WindowChanged);
    }

    public async Task<int> WaitAsync(CancellationToken cancel)
    {
        await _process.WaitForExitAsync(cancel);
        return _process.ExitCode;
    }

    public void Kill()
    {
        if (_isOver || _process.HasExited) return;
        if (ContainerFiles.ReadProcessId(_pidFile) is { } pid) KillSession(pid);
        if (!_process.HasExited) _process.Kill();
    }

    public ValueTask DisposeAsync()
    {
        Kill();
        _isOver = true;
        _process.Dispose();
        _terminal?.Dispose();
        File.Delete(_pidFile);
        return ValueTask.CompletedTask;
    }

    /// <summary>The runtime makes the process the leader of a session; whatever it started is in it, unless it left it on purpose.</summary>
    private static void KillSession(int leader)
    {
        // proc_pid_stat(5): behind the name come state, parent, group, session.
        var session = leader.ToString(CultureInfo.InvariantCulture);
        foreach (var pid in ProcessTable.All().Where(pid => ProcessTable.Status(pid) is [_, _, _, var of, ..] && of == session)) ProcessHandle.TrySignal(pid, Signal.Kill);
    }
}
