using System.Buffers.Binary;
using Fairlead.Linux.Syscalls;

namespace Fairlead.Linux.Files;

/// <summary>What files take up.</summary>
/// <param name="Bytes">On the disk, in its blocks.</param>
/// <param name="Inodes">Files, folders and all else that has a name.</param>
public readonly record struct DiskUse(long Bytes, long Inodes)
{
    private const int BlockBytes = 512;
    private const uint WantedFields = 0x7FF; // STATX_BASIC_STATS

    public static DiskUse operator +(DiskUse a, DiskUse b) => new(a.Bytes + b.Bytes, a.Inodes + b.Inodes);

    /// <summary>
    /// Of a file, or of a folder with all below it, as du(1) counts: what has several names once, and nothing of another file system that is
    /// mounted there. What goes while it is counted is not counted; a path that is not there takes up nothing.
    /// </summary>
    public static DiskUse Of(string path)
    {
        if (Read(path) is not { } top) return default;
        var (bytes, seen, folders) = (0L, new HashSet<ulong>(), new Stack<string>());
        Take(path, top);
        while (folders.TryPop(out var folder))
        {
            foreach (var entry in Entries(folder))
            {
                if (Read(entry) is { } status && status.Device == top.Device) Take(entry, status);
            }
        }
        return new(bytes, seen.Count);

        void Take(string at, Status status)
        {
            if (!seen.Add(status.Inode)) return;
            bytes += status.Blocks * BlockBytes;
            if (status.IsFolder) folders.Push(at);
        }
    }

    private static string[] Entries(string folder)
    {
        try
        {
            return Directory.GetFileSystemEntries(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static unsafe Status? Read(string path)
    {
        const int Mode = 28, Inode = 32, Blocks = 48, DeviceMajor = 136, DeviceMinor = 140, TypeBits = 0xF000, Folder = 0x4000;
        var buffer = stackalloc byte[256];
        if (Libc.ReadStatus(Libc.AtCurrentFolder, path, Libc.AtNoFollow, WantedFields, buffer) != 0) return null;
        var status = new ReadOnlySpan<byte>(buffer, 256);
        return new(
            (BinaryPrimitives.ReadUInt16LittleEndian(status[Mode..]) & TypeBits) == Folder,
            BinaryPrimitives.ReadUInt64LittleEndian(status[Inode..]),
            BinaryPrimitives.ReadInt64LittleEndian(status[Blocks..]),
            ((ulong)BinaryPrimitives.ReadUInt32LittleEndian(status[DeviceMajor..]) << 32) | BinaryPrimitives.ReadUInt32LittleEndian(status[DeviceMinor..]));
    }

    private readonly record struct Status(bool IsFolder, ulong Inode, long Blocks, ulong Device);
}

/// <summary>The file system that a path is in.</summary>
/// <param name="Available">Bytes that somebody other than root may still use.</param>
/// <param name="Inodes">0 where the file system does not count them.</param>
public sealed record FileSystemFacts(long Capacity, long Available, long Free, long Inodes, long InodesFree)
{
    /// <exception cref="LinuxException">There is no such path.</exception>
    public static unsafe FileSystemFacts Of(string path)
    {
        // struct statvfs on 64-bit machines: block size, fragment size, blocks, free, available, inodes, free.
        var facts = stackalloc ulong[32];
        if (Libc.ReadFileSystem(path, facts) != 0) throw LinuxException.Last($"read the file system of {path}");
        var size = (long)facts[1];
        return new((long)facts[2] * size, (long)facts[4] * size, (long)facts[3] * size, (long)facts[5], (long)facts[6]);
    }
}
