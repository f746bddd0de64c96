using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Fairlead.Linux.Sockets;

/// <summary>Who serves a unix socket (unix(7), SO_PEERCRED).</summary>
public static class UnixPeer
{
    /// <summary>The process that listens at a path, as it was when it began to; null: it is none that can be named here.</summary>
    /// <exception cref="SocketException">Nobody listens there.</exception>
    public static int? FindServer(string path)
    {
        const int SocketLevel = 1, PeerCredentials = 17;
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(path));
        // struct ucred: process, user, group.
        Span<byte> credentials = stackalloc byte[12];
        socket.GetRawSocketOption(SocketLevel, PeerCredentials, credentials);
        int process = MemoryMarshal.Read<int>(credentials);
        return process > 0 ? process : null;
    }
}
