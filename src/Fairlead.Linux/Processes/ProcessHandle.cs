using System.Runtime.InteropServices;
using Fairlead.Linux.Syscalls;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Linux.Processes;

/// <summary>
/// A process held by pidfd_open(2): unlike its number, the handle never comes to mean another process. The process need not be a child.
/// </summary>
public sealed class ProcessHandle : IDisposable
{
    private readonly SafeFileHandle _handle;

    private ProcessHandle(int id, SafeFileHandle handle)
    {
        Id = id;
        _handle = handle;
    }

    public int Id { get; }

    /// <summary>The process of this number, or null when there is none.</summary>
    public static ProcessHandle? TryOpen(int processId)
    {
        nint descriptor = Libc.PidfdOpen(Libc.PidfdOpenCall, processId, 0);
        if (descriptor >= 0)
        {
            return new ProcessHandle(processId, new SafeFileHandle(descriptor, ownsHandle: true));
        }
        LinuxException failure = LinuxException.Last($"open process {processId}");
        return failure.Errno == Errno.NoProcess ? null : throw failure;
    }

    /// <summary>Sends a signal; false when the process is gone.</summary>
    public unsafe bool TrySignal(int signal)
    {
        if (Libc.PidfdSendSignal(Libc.PidfdSendSignalCall, _handle, signal, null, 0) == 0)
        {
            return true;
        }
        LinuxException failure = LinuxException.Last($"signal process {Id}");
        return failure.Errno == Errno.NoProcess ? false : throw failure;
    }

    /// <summary>Completes when the process has ended (a zombie counts as ended).</summary>
    public Task WaitForExitAsync(CancellationToken cancellation = default) =>
        Readiness.WaitReadableAsync(_handle, cancellation);

    /// <summary>Whether the process has ended, without waiting.</summary>
    public unsafe bool HasExited
    {
        get
        {
            var descriptor = new Libc.PollDescriptor { Descriptor = (int)_handle.DangerousGetHandle(), Events = Libc.PollIn };
            return Libc.Poll(&descriptor, 1, 0) > 0;
        }
    }

    public void Dispose() => _handle.Dispose();

    /// <summary>kill(2) by number: a negative one means a process group. False when there is no such process.</summary>
    public static bool TrySignal(int processId, int signal)
    {
        if (Libc.Kill(processId, signal) == 0)
        {
            return true;
        }
        LinuxException failure = LinuxException.Last($"signal process {processId}");
        return failure.Errno == Errno.NoProcess ? false : throw failure;
    }

    /// <summary>Whether this process runs as root (effective user 0).</summary>
    public static bool IsRoot => Libc.GetEffectiveUser() == 0;
}
