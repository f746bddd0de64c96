using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Fairlead.Linux.Sockets;

/// <summary>Signed TCP segments (RFC 2385; tcp(7), TCP_MD5SIG): what comes unsigned or wrongly signed is dropped by the kernel.</summary>
public static class TcpSignature
{
    private const int Tcp = 6, Md5Signature = 14;
    private const int SocketAddressStorage = 128, LongestKey = 80;

    /// <summary>Signs what goes to a peer and checks what comes from it, on a socket that is not connected yet.</summary>
    /// <param name="password">1–80 bytes of UTF-8.</param>
    /// <exception cref="SocketException">The kernel was built without it.</exception>
    public static void Require(Socket socket, IPAddress peer, string password)
    {
        var key = Encoding.UTF8.GetBytes(password);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(key.Length, LongestKey, nameof(password));
        // struct tcp_md5sig of linux/tcp.h: the peer as sockaddr_storage, flags, prefix length, key length, interface, key.
        Span<byte> option = stackalloc byte[SocketAddressStorage + 8 + LongestKey];
        option.Clear();
        var address = new IPEndPoint(peer, 0).Serialize();
        for (var i = 0; i < address.Size; i++) option[i] = address[i];
        BinaryPrimitives.WriteUInt16LittleEndian(option[(SocketAddressStorage + 2)..], (ushort)key.Length);
        key.CopyTo(option[(SocketAddressStorage + 8)..]);
        socket.SetRawSocketOption(Tcp, Md5Signature, option);
    }
}
