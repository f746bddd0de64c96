using System.Runtime.InteropServices;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>
/// Links, addresses and routes of one network namespace through rtnetlink (rtnetlink(7), linux/if_link.h). Requests are
/// answered by the kernel at once. Not safe for concurrent use. Refusals are <see cref="NetlinkException"/> with the errno;
/// the methods named Try… give the expected refusal as a value.
/// </summary>
public sealed partial class RouteSocket : IDisposable
{
    /// <summary>The loopback interface has this index in every namespace.</summary>
    public const int LoopbackIndex = 1;

    private readonly NetlinkSocket _socket;
    private readonly MessageBuffer _buffer = new();

    private RouteSocket(NetlinkSocket socket) => _socket = socket;

    /// <summary>Opens in the calling thread's namespace.</summary>
    public static RouteSocket Open() => new(NetlinkSocket.Open(protocol: 0));

    /// <summary>Opens in the given namespace; the socket stays there whoever uses it.</summary>
    public static RouteSocket Open(NetworkNamespace network) => network.Run(Open);

    /// <summary>Opens in the namespace kept at a path.</summary>
    public static RouteSocket Open(string networkNamespacePath) => NetworkNamespace.Run(networkNamespacePath, Open);

    public void Dispose() => _socket.Dispose();

    private MessageBuffer Begin<T>(ushort type, NetlinkFlags flags, in T header)
        where T : unmanaged
    {
        _buffer.Clear();
        _buffer.Begin(type, flags);
        _buffer.Struct(header);
        return _buffer;
    }

    private void Acknowledge(string operation)
    {
        _buffer.End();
        _socket.Acknowledge(_buffer, operation);
    }

    private bool AcknowledgeUnless(string operation, Func<Errno, bool> expected)
    {
        _buffer.End();
        Errno errno = _socket.TryAcknowledge(_buffer, out string? detail);
        return errno == Errno.None || (expected(errno) ? false : throw new NetlinkException(errno, operation, detail));
    }

    private List<T> List<T>(string operation, Func<List<T>, MessageHandler> handler)
    {
        _buffer.End();
        var found = new List<T>();
        _socket.Dump(_buffer, operation, found.Clear, handler(found));
        return found;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct LinkHeader
    {
        internal byte Family;
        internal byte Pad;
        internal ushort HardwareType;
        internal int Index;
        internal uint Flags;
        internal uint Change;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct AddressHeader
    {
        internal byte Family;
        internal byte PrefixLength;
        internal byte Flags;
        internal byte Scope;
        internal int Index;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct RouteHeader
    {
        internal byte Family;
        internal byte DestinationLength;
        internal byte SourceLength;
        internal byte TypeOfService;
        internal byte Table;
        internal byte Protocol;
        internal byte Scope;
        internal byte Kind;
        internal uint Flags;
    }
}
