using System.Text;
using Fairlead.Linux.Mounts;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Linux.Syscalls;

namespace Fairlead.Linux.Namespaces;

/// <summary>The namespaces that are made together, each kept alive by a bind mount at its path.</summary>
public sealed record NamespacePaths
{
    /// <summary>Where the network namespace is kept. Its folder must exist.</summary>
    public required string Network { get; init; }

    /// <summary>Where a UTS namespace is kept; null: none is made.</summary>
    public string? Uts { get; init; }

    /// <summary>The host name inside the UTS namespace, at most 64 bytes.</summary>
    public string? HostName { get; init; }

    /// <summary>Where an IPC namespace is kept; null: none is made.</summary>
    public string? Ipc { get; init; }
}

public sealed partial class NetworkNamespace
{
    /// <summary>Makes a network namespace whose loopback is up, and keeps it at a path.</summary>
    /// <exception cref="LinuxException">Exists when the path is taken.</exception>
    public static NetworkNamespace Create(string path) => Create(new NamespacePaths { Network = path });

    /// <summary>Makes the namespaces named and keeps each at its path; on failure nothing remains.</summary>
    /// <exception cref="LinuxException">Exists when a path is taken; NotPermitted without privilege.</exception>
    public static NetworkNamespace Create(NamespacePaths paths)
    {
        var made = new List<string>(3);
        try
        {
            OnFreshThread(() => UnshareAndKeep(paths, made));
            return Open(paths.Network);
        }
        catch
        {
            made.ForEach(Delete);
            throw;
        }
    }

    /// <summary>Lets go of the namespace kept at a path: unmounts and unlinks it. Nothing happens when it is gone.</summary>
    public static void Delete(string path)
    {
        while (Mount.TryUnmount(path, lazy: true) == Errno.None)
        {
            // A path may have been mounted upon more than once; each mount would keep the namespace alive.
        }
        if (Libc.Unlink(path) < 0)
        {
            LinuxException failure = LinuxException.Last($"unlink {path}");
            if (failure.Errno is not (Errno.NoEntry or Errno.NotDirectory))
            {
                throw failure;
            }
        }
    }

    private static unsafe void UnshareAndKeep(NamespacePaths paths, List<string> made)
    {
        int kinds = Libc.NewNetwork | (paths.Uts is null ? 0 : Libc.NewUts) | (paths.Ipc is null ? 0 : Libc.NewIpc);
        if (Libc.Unshare(kinds) < 0)
        {
            throw LinuxException.Last("unshare namespaces");
        }
        if (paths.Uts is not null && paths.HostName is not null)
        {
            byte[] name = Encoding.UTF8.GetBytes(paths.HostName);
            fixed (byte* start = name)
            {
                if (Libc.SetHostName(start, (nuint)name.Length) < 0)
                {
                    throw LinuxException.Last($"set host name {paths.HostName}");
                }
            }
        }
        using (RouteSocket route = RouteSocket.Open())
        {
            route.SetUp(RouteSocket.LoopbackIndex);
        }
        Keep("net", paths.Network, made);
        Keep("uts", paths.Uts, made);
        Keep("ipc", paths.Ipc, made);
    }

    private static void Keep(string kind, string? path, List<string> made)
    {
        if (path is null)
        {
            return;
        }
        const int CreateExclusive = 0xC0;
        int descriptor = Libc.Open(path, CreateExclusive | Libc.CloseOnExec, 0x124);
        if (descriptor < 0)
        {
            throw LinuxException.Last($"create {path}");
        }
        using var file = new Microsoft.Win32.SafeHandles.SafeFileHandle(descriptor, ownsHandle: true);
        made.Add(path);
        Mount.Bind($"/proc/thread-self/ns/{kind}", path);
    }
}
