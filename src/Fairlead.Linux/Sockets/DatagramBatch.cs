using System.Net.Sockets;
using System.Runtime.InteropServices;
using Fairlead.Linux.Syscalls;

namespace Fairlead.Linux.Sockets;

/// <summary>
/// Takes datagrams from a socket and sends answers, many in one system call each (recvmmsg(2), sendmmsg(2)). Where the socket is bound to
/// every address of the machine, each answer leaves from the address that was asked (IP_PKTINFO, ip(7); IPV6_PKTINFO, ipv6(7)). Hot: one
/// block of native memory for its life, nothing allocated for a datagram. For one thread, but for <see cref="Send"/>.
/// </summary>
public sealed unsafe class DatagramBatch : IDisposable
{
    private const int NameSize = 32;
    private const int ControlSize = 64;
    private const int ControlHeader = 16;
    private readonly SafeHandle _socket;
    private readonly int _capacity, _receiveSize, _sendSize, _controlSize;
    private readonly byte* _block;
    private readonly Libc.MultiMessageHeader* _received, _sent;
    private readonly byte* _names, _controls, _in, _out;
    private uint _queued;

    /// <param name="socket">A blocking UDP socket, which stays the caller's.</param>
    /// <param name="capacity">Datagrams a call.</param>
    /// <param name="receiveSize">Bytes of a datagram received; what is longer is cut.</param>
    /// <param name="sendSize">Bytes of an answer.</param>
    /// <param name="fromAskedAddress">The socket is bound to every address.</param>
    public DatagramBatch(Socket socket, int capacity, int receiveSize, int sendSize, bool fromAskedAddress)
    {
        _socket = socket.SafeHandle;
        (_capacity, _receiveSize, _sendSize) = (capacity, receiveSize, sendSize);
        _controlSize = fromAskedAddress ? ControlSize : 0;
        if (fromAskedAddress)
        {
            AskForAddresses(socket.AddressFamily);
        }
        int one = 2 * (sizeof(Libc.MultiMessageHeader) + sizeof(Libc.IoVector)) + NameSize + ControlSize + receiveSize + sendSize;
        _block = (byte*)NativeMemory.AllocZeroed((nuint)(capacity * one));
        byte* at = _block;
        _received = (Libc.MultiMessageHeader*)Take(ref at, sizeof(Libc.MultiMessageHeader));
        _sent = (Libc.MultiMessageHeader*)Take(ref at, sizeof(Libc.MultiMessageHeader));
        var vectors = (Libc.IoVector*)Take(ref at, 2 * sizeof(Libc.IoVector));
        _names = Take(ref at, NameSize);
        _controls = Take(ref at, ControlSize);
        _in = Take(ref at, receiveSize);
        _out = Take(ref at, sendSize);
        for (int i = 0; i < capacity; i++)
        {
            vectors[i] = new Libc.IoVector { Base = _in + (i * receiveSize), Length = (nuint)receiveSize };
            _received[i].Header = new Libc.MessageHeader { Name = _names + (i * NameSize), Vectors = vectors + i, VectorCount = 1 };
            _sent[i].Header = new Libc.MessageHeader { Vectors = vectors + capacity + i, VectorCount = 1 };
        }
    }

    /// <summary>Waits for a datagram and takes all that are there. Answers how many.</summary>
    /// <exception cref="LinuxException">The socket failed, for example because it was closed.</exception>
    public int Receive()
    {
        for (int i = 0; i < _capacity; i++)
        {
            _received[i].Header.NameLength = NameSize;
            _received[i].Header.Control = _controls + (i * ControlSize);
            _received[i].Header.ControlLength = (nuint)_controlSize;
        }
        int count = Libc.ReceiveMessages(_socket, _received, (uint)_capacity, Libc.MessageWaitForOne, null);
        return count >= 0 ? count : throw LinuxException.Last("recvmmsg");
    }

    /// <summary>A datagram of the last <see cref="Receive"/>.</summary>
    public ReadOnlySpan<byte> Received(int index) => new(_in + (index * _receiveSize), (int)_received[index].Length);

    /// <summary>Its sender's address, 4 or 16 bytes, and port.</summary>
    public ReadOnlySpan<byte> Sender(int index, out ushort port)
    {
        // sockaddr_in: family, port, address; sockaddr_in6: family, port, flow, address.
        byte* name = _names + (index * NameSize);
        port = (ushort)((name[2] << 8) | name[3]);
        return *(ushort*)name == Libc.FamilyIPv6 ? new(name + 8, 16) : new(name + 4, 4);
    }

    /// <summary>Where the answer to it is to be written.</summary>
    public Span<byte> Answer(int index) => new(_out + (index * _sendSize), _sendSize);

    /// <summary>Has that many bytes of the answer sent by the next <see cref="Flush"/>.</summary>
    public void Queue(int index, int length)
    {
        Libc.MessageHeader* to = &_sent[_queued++].Header;
        to->Vectors->Base = _out + (index * _sendSize);
        to->Vectors->Length = (nuint)length;
        to->Name = _names + (index * NameSize);
        to->NameLength = _received[index].Header.NameLength;
        ForgetInterface(index);
        to->Control = _received[index].Header.ControlLength > 0 ? _controls + (index * ControlSize) : null;
        to->ControlLength = _received[index].Header.ControlLength;
    }

    /// <summary>Sends what was queued. An answer that cannot be sent, because its client is gone, is passed over. Answers how many were queued.</summary>
    public int Flush()
    {
        int queued = (int)_queued;
        for (uint done = 0; done < _queued;)
        {
            int sent = Libc.SendMessages(_socket, _sent + done, _queued - done, 0);
            done += sent > 0 ? (uint)sent : 1;
        }
        _queued = 0;
        return queued;
    }

    /// <summary>Whom to answer later, and from which address.</summary>
    public DatagramSource Source(int index)
    {
        ForgetInterface(index);
        Libc.MessageHeader* header = &_received[index].Header;
        return new DatagramSource(
            new ReadOnlySpan<byte>(header->Name, (int)header->NameLength).ToArray(), new ReadOnlySpan<byte>(header->Control, (int)header->ControlLength).ToArray());
    }

    /// <summary>Sends one answer. Any thread. False when it cannot be sent.</summary>
    public static bool Send(Socket socket, DatagramSource to, ReadOnlySpan<byte> answer)
    {
        fixed (byte* data = answer, name = to.Name, control = to.Control)
        {
            var vector = new Libc.IoVector { Base = data, Length = (nuint)answer.Length };
            var header = new Libc.MessageHeader
            {
                Name = name,
                NameLength = (uint)to.Name.Length,
                Vectors = &vector,
                VectorCount = 1,
                Control = control,
                ControlLength = (nuint)to.Control.Length,
            };
            return Libc.SendMessage(socket.SafeHandle, &header, 0) >= 0;
        }
    }

    public void Dispose() => NativeMemory.Free(_block);

    private byte* Take(ref byte* at, int each)
    {
        byte* taken = at;
        at += _capacity * each;
        return taken;
    }

    private void AskForAddresses(AddressFamily family)
    {
        int on = 1;
        (int level, int option) = family == AddressFamily.InterNetworkV6 ? (Libc.LevelIPv6, Libc.IPv6ReceivePacketInfo) : (Libc.LevelIPv4, Libc.IPv4PacketInfo);
        if (Libc.SetSocketOption(_socket, level, option, &on, sizeof(int)) < 0)
        {
            throw LinuxException.Last("setsockopt PKTINFO");
        }
    }

    /// <summary>The address is kept, the interface is not: the way back is the routes' to choose. It stands first in in_pktinfo.</summary>
    private void ForgetInterface(int index)
    {
        byte* control = _controls + (index * ControlSize);
        if (_received[index].Header.ControlLength > ControlHeader && ((int*)control)[2] == Libc.LevelIPv4)
        {
            *(int*)(control + ControlHeader) = 0;
        }
    }
}

/// <summary>A datagram's sender, and the address that it was sent to where that is known; as the kernel has them.</summary>
public sealed record DatagramSource
{
    internal DatagramSource(byte[] name, byte[] control) => (Name, Control) = (name, control);

    internal byte[] Name { get; }

    internal byte[] Control { get; }
}
