using System.Runtime.InteropServices;
using Fairlead.Linux.Syscalls;

namespace Fairlead.Linux.Files;

/// <summary>What a file is, where it is none of the ordinary ones (inode(7)).</summary>
public enum NodeKind : uint
{
    Fifo = 0x1000,
    CharacterDevice = 0x2000,
    BlockDevice = 0x6000,
}

/// <summary>
/// What archives say of files and .NET cannot: owners, devices, hard links, extended attributes, times of links. Nothing here follows
/// a symbolic link in the last part of a path, but for <see cref="SetMode"/>.
/// </summary>
public static class FileNode
{
    /// <summary>A second name for a file that exists (link(2)).</summary>
    /// <exception cref="LinuxException">The kernel refused, as for all here.</exception>
    public static void Link(string existing, string path) => Check(Libc.Link(existing, path), $"link {path} to {existing}");

    public static void SetOwner(string path, uint user, uint group) => Check(Libc.ChangeOwner(path, user, group), $"change owner of {path}");

    /// <summary>Permission bits with set-user-id, set-group-id and sticky.</summary>
    public static void SetMode(string path, uint mode) => Check(Libc.ChangeMode(path, mode & 0xFFF), $"change mode of {path}");

    public static void Make(string path, NodeKind kind, uint mode, uint major = 0, uint minor = 0) =>
        Check(Libc.MakeNode(path, (uint)kind | (mode & 0xFFF), DeviceNumber(major, minor)), $"make device {path}");

    public static unsafe void SetAttribute(string path, string name, ReadOnlySpan<byte> value)
    {
        fixed (byte* bytes = value) Check(Libc.SetAttribute(path, name, bytes, (nuint)value.Length, 0), $"set {name} of {path}");
    }

    /// <summary>Null where there is none, or it is longer than 64 KiB.</summary>
    public static unsafe byte[]? GetAttribute(string path, string name)
    {
        var buffer = new byte[65536];
        fixed (byte* bytes = buffer)
        {
            var length = Libc.GetAttribute(path, name, bytes, (nuint)buffer.Length);
            return length < 0 ? null : buffer[..(int)length];
        }
    }

    /// <summary>When its content last changed; to the nanosecond of the file system, of a link the link's own.</summary>
    public static unsafe void SetTime(string path, DateTimeOffset time)
    {
        var sinceEpoch = time.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks;
        var (seconds, rest) = (Math.DivRem(sinceEpoch, TimeSpan.TicksPerSecond, out var ticks), ticks * 100);
        if (rest < 0) (seconds, rest) = (seconds - 1, rest + 1_000_000_000);
        var times = stackalloc long[] { seconds, rest, seconds, rest };
        Check(Libc.SetTimes(Libc.AtCurrentFolder, path, times, Libc.AtNoFollow), $"set time of {path}");
    }

    // makedev(3): the kernel's 64-bit form.
    private static ulong DeviceNumber(uint major, uint minor) =>
        ((ulong)(major & 0xFFFFF000) << 32) | ((ulong)(major & 0xFFF) << 8) | ((ulong)(minor & 0xFFFFFF00) << 12) | (minor & 0xFF);

    private static void Check(int result, string operation)
    {
        if (result < 0) throw LinuxException.Last(operation);
    }
}
