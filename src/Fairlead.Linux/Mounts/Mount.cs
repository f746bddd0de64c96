using System.Runtime.InteropServices;
using System.Text;
using Fairlead.Linux.Syscalls;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Linux.Mounts;

/// <summary>mount(2) flags that callers choose.</summary>
[Flags]
public enum MountOptions : uint
{
    None = 0,
    ReadOnly = 1,
    NoSetUid = 2,
    NoDevices = 4,
    NoExecute = 8,
    Remount = 32,
    Bind = 4096,
    Recursive = 16384,
    Private = 1 << 18,
    Slave = 1 << 19,
    Shared = 1 << 20,
}

/// <summary>Mounting and unmounting. Targets must exist.</summary>
public static class Mount
{
    /// <summary>Shows a file or folder at a second place. Read-only takes a second call to the kernel (mount(2), "Remounting").</summary>
    public static void Bind(string source, string target, bool readOnly = false, bool recursive = false)
    {
        MountOptions bind = MountOptions.Bind | (recursive ? MountOptions.Recursive : 0);
        Attach(source, target, null, bind, null);
        if (readOnly)
        {
            Attach(null, target, null, MountOptions.Bind | MountOptions.Remount | MountOptions.ReadOnly, null);
        }
    }

    /// <summary>An overlay: the lower folders (first on top) beneath a writable upper one. Upper and work share a file system.</summary>
    public static void Overlay(string target, IReadOnlyList<string> lower, string? upper, string? work, MountOptions options = MountOptions.None)
    {
        string data = OverlayData(lower, upper, work);
        if (Encoding.UTF8.GetByteCount(data) < Environment.SystemPageSize)
        {
            Attach("overlay", target, "overlay", options, data);
            return;
        }
        // mount(2) takes one page of options; by descriptor each folder is a few bytes.
        var opened = lower.Select(OpenFolder).ToList();
        try
        {
            data = OverlayData([.. opened.Select(folder => $"/proc/self/fd/{folder.DangerousGetHandle()}")], upper, work);
            Attach("overlay", target, "overlay", options, data);
        }
        finally
        {
            opened.ForEach(folder => folder.Dispose());
        }
    }

    private static string OverlayData(IReadOnlyList<string> lower, string? upper, string? work)
    {
        string data = "lowerdir=" + string.Join(':', lower.Select(Escape));
        return upper is null ? data : data + $",upperdir={Escape(upper)},workdir={Escape(work ?? throw new ArgumentNullException(nameof(work)))}";
    }

    private static SafeFileHandle OpenFolder(string path)
    {
        const int PathOnly = 0x200000;
        int descriptor = Libc.Open(path, PathOnly | Libc.CloseOnExec, 0);
        return descriptor < 0 ? throw LinuxException.Last($"open {path}") : new SafeFileHandle(descriptor, ownsHandle: true);
    }

    /// <summary>A file system in memory.</summary>
    /// <param name="target">Where.</param>
    /// <param name="sizeBytes">Its limit; null: half of the machine's memory.</param>
    /// <param name="mode">Permissions of its root, octal digits.</param>
    /// <param name="options">Flags.</param>
    public static void Tmpfs(string target, long? sizeBytes = null, string mode = "755", MountOptions options = MountOptions.NoDevices | MountOptions.NoSetUid)
    {
        string data = $"mode={mode}" + (sizeBytes is null ? "" : $",size={sizeBytes}");
        Attach("tmpfs", target, "tmpfs", options, data);
    }

    /// <summary>The process file system of the calling process's PID namespace.</summary>
    public static void Proc(string target) =>
        Attach("proc", target, "proc", MountOptions.NoDevices | MountOptions.NoSetUid | MountOptions.NoExecute, null);

    /// <summary>Changes how mounts under a path are shared with other mount namespaces (Private, Slave or Shared, with Recursive).</summary>
    public static void Propagation(string target, MountOptions kind) => Attach(null, target, null, kind, null);

    /// <summary>mount(2) itself.</summary>
    /// <exception cref="LinuxException">The kernel refused.</exception>
    public static void Attach(string? source, string target, string? type, MountOptions options, string? data)
    {
        if (Libc.Mount(source, target, type, (nuint)options, data) < 0)
        {
            throw LinuxException.Last($"mount {type ?? source} at {target}");
        }
    }

    /// <summary>Unmounts; lazy detaches now and cleans up when the last user is gone. False when nothing is mounted there.</summary>
    public static bool Unmount(string target, bool lazy = false)
    {
        Errno errno = TryUnmount(target, lazy);
        return errno switch
        {
            Errno.None => true,
            Errno.InvalidArgument or Errno.NoEntry => false,
            _ => throw LinuxException.From(errno, $"unmount {target}"),
        };
    }

    /// <summary>Like <see cref="Unmount"/>, the refusal as a value: Busy while in use, InvalidArgument when not a mount.</summary>
    public static Errno TryUnmount(string target, bool lazy = false)
    {
        const int Detach = 2, NoFollow = 8;
        return Libc.Unmount(target, NoFollow | (lazy ? Detach : 0)) == 0 ? Errno.None : (Errno)Marshal.GetLastPInvokeError();
    }

    private static string Escape(string path) =>
        path.Replace("\\", "\\\\", StringComparison.Ordinal).Replace(":", "\\:", StringComparison.Ordinal).Replace(",", "\\,", StringComparison.Ordinal);
}
