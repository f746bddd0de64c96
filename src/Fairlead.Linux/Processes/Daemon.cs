using System.Runtime.InteropServices;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Syscalls;

namespace Fairlead.Linux.Processes;

/// <summary>A process to be started apart from this one.</summary>
public sealed record DaemonOptions
{
    /// <summary>Absolute path of the program.</summary>
    public required string Program { get; init; }

    /// <summary>Arguments after the program's name.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Variables on top of this process's own.</summary>
    public IReadOnlyDictionary<string, string>? Environment { get; init; }

    /// <summary>File that output and errors are appended to; null: /dev/null.</summary>
    public string? LogFile { get; init; }

    /// <summary>Working folder.</summary>
    public string WorkingDirectory { get; init; } = "/";

    /// <summary>The network namespace that it starts in; null: the caller's.</summary>
    public NetworkNamespace? Network { get; init; }
}

/// <summary>
/// Starts processes that outlive this one: a session of their own, no terminal, own output. While this process lives it
/// collects the exit status, so that no zombie stays; afterwards init does.
/// </summary>
public static class Daemon
{
    // glibc's objects are smaller (80 and 336 bytes); the types are opaque.
    private const int OpaqueSize = 512;
    private const short SetSignalDefaults = 0x04, SetSignalMask = 0x08, SetSession = 0x80;

    /// <summary>Starts the process and returns its number.</summary>
    /// <exception cref="LinuxException">The program cannot be executed, or the log file not be written.</exception>
    public static int Start(DaemonOptions options)
    {
        int pid = options.Network is null ? Spawn(options) : options.Network.Run(() => Spawn(options));
        _ = CollectAsync(pid);
        return pid;
    }

    private static async Task CollectAsync(int pid)
    {
        using ProcessHandle? handle = ProcessHandle.TryOpen(pid);
        if (handle is not null)
        {
            await handle.WaitForExitAsync().ConfigureAwait(false);
        }
        Collect(pid);
    }

    private static unsafe void Collect(int pid)
    {
        int status;
        _ = Libc.WaitProcess(pid, &status, 1); // WNOHANG: it has ended, or somebody else collected it
    }

    private static unsafe int Spawn(DaemonOptions options)
    {
        byte* actions = stackalloc byte[OpaqueSize];
        byte* attributes = stackalloc byte[OpaqueSize];
        using var arguments = new NativeStrings([options.Program, .. options.Arguments]);
        using var variables = new NativeStrings(Reexec.MergeEnvironment(options.Environment));
        _ = Libc.SpawnActionsInitialize(actions);
        _ = Libc.SpawnAttributesInitialize(attributes);
        try
        {
            Prepare(actions, attributes, options);
            int pid;
            int errno = Libc.Spawn(&pid, arguments.First, actions, attributes, arguments.Pointer, variables.Pointer);
            return errno == 0 ? pid : throw LinuxException.From((Errno)errno, $"start {options.Program}");
        }
        finally
        {
            _ = Libc.SpawnActionsDestroy(actions);
            _ = Libc.SpawnAttributesDestroy(attributes);
        }
    }

    private static unsafe void Prepare(byte* actions, byte* attributes, DaemonOptions options)
    {
        const int ReadWrite = 2, WriteOnly = 1, Create = 0x40, Append = 0x400;
        byte* signals = stackalloc byte[128];
        _ = Libc.SignalSetEmpty(signals);
        _ = Libc.SpawnAttributesMask(attributes, signals);
        _ = Libc.SignalSetFill(signals);
        _ = Libc.SpawnAttributesDefaults(attributes, signals);
        _ = Libc.SpawnAttributesFlags(attributes, SetSession | SetSignalDefaults | SetSignalMask);
        _ = Libc.SpawnActionsOpen(actions, 0, "/dev/null", ReadWrite, 0);
        _ = Libc.SpawnActionsOpen(actions, 1, options.LogFile ?? "/dev/null", WriteOnly | Create | Append, 0x1A4);
        _ = Libc.SpawnActionsDuplicate(actions, 1, 2);
        _ = Libc.SpawnActionsDirectory(actions, options.WorkingDirectory);
    }
}
