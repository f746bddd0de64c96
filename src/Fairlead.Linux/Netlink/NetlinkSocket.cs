using System.Runtime.InteropServices;
using Fairlead.Linux.Syscalls;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Linux.Netlink;

/// <summary>What a dump does with each message.</summary>
public delegate void MessageHandler(NetlinkMessage message);

/// <summary>
/// A netlink socket. It belongs to the network namespace of the thread that opened it, for ever. The kernel answers inside
/// the send, so requests are plain calls. Not safe for concurrent use.
/// </summary>
public sealed unsafe class NetlinkSocket : IDisposable
{
    // The kernel sends dumps in datagrams of up to 32 KiB when the reader has room for them.
    private readonly byte[] _receive = GC.AllocateUninitializedArray<byte>(64 * 1024);
    private readonly SafeFileHandle _handle;
    private uint _sequence;

    private NetlinkSocket(SafeFileHandle handle) => _handle = handle;

    internal SafeFileHandle Handle => _handle;

    /// <summary>Opens a socket of a netlink family (NETLINK_ROUTE 0, NETLINK_NETFILTER 12) in the calling thread's namespace.</summary>
    /// <exception cref="LinuxException">No permission, or the family is not in this kernel.</exception>
    public static NetlinkSocket Open(int protocol)
    {
        int descriptor = Libc.Socket(Libc.AddressFamilyNetlink, Libc.SocketRaw | Libc.CloseOnExec, protocol);
        if (descriptor < 0)
        {
            throw LinuxException.Last("open netlink socket");
        }
        var socket = new NetlinkSocket(new SafeFileHandle(descriptor, ownsHandle: true));
        socket.SetOption(Libc.LevelNetlink, Libc.NetlinkCapAck, 1);
        socket.SetOption(Libc.LevelNetlink, Libc.NetlinkExtendedAck, 1);
        var address = new Libc.NetlinkAddress { Family = Libc.AddressFamilyNetlink };
        if (Libc.Bind(socket._handle, &address, (uint)sizeof(Libc.NetlinkAddress)) < 0)
        {
            LinuxException failure = LinuxException.Last("bind netlink socket");
            socket.Dispose();
            throw failure;
        }
        return socket;
    }

    /// <summary>Room for this many bytes unsent and unread; needed before large transactions. Needs CAP_NET_ADMIN.</summary>
    public void SetBuffers(int sendBytes, int receiveBytes)
    {
        SetOption(Libc.LevelSocket, Libc.SendBufferForce, sendBytes);
        SetOption(Libc.LevelSocket, Libc.ReceiveBufferForce, receiveBytes);
    }

    /// <summary>The next free sequence number; takes this many of them.</summary>
    internal uint NextSequence(uint reserve)
    {
        uint next = _sequence + 1;
        _sequence += reserve;
        return next;
    }

    /// <summary>Asks for the notifications of a multicast group.</summary>
    public void Join(int group) => SetOption(Libc.LevelNetlink, Libc.NetlinkAddMembership, group);

    /// <summary>Sends one message and waits for its acknowledgement.</summary>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public void Acknowledge(MessageBuffer request, string operation)
    {
        Errno errno = TryAcknowledge(request, out string? detail);
        if (errno != Errno.None)
        {
            throw new NetlinkException(errno, operation, detail);
        }
    }

    /// <summary>Like <see cref="Acknowledge"/>, the refusal as a value.</summary>
    public Errno TryAcknowledge(MessageBuffer request, out string? detail) => Exchange(request, null, out detail);

    /// <summary>
    /// Sends a request and hands every answer to the handler. A dump that the kernel marks as interrupted (the tables changed
    /// meanwhile) is asked again after <paramref name="restart"/>, which forgets what the handler gathered.
    /// </summary>
    public void Dump(MessageBuffer request, string operation, Action restart, MessageHandler handler)
    {
        for (int attempt = 0; ; attempt++)
        {
            bool interrupted = false;
            Errno errno = Exchange(
                request,
                message =>
                {
                    interrupted |= (message.Flags & NetlinkFlags.DumpInterrupted) != 0;
                    handler(message);
                },
                out string? detail);
            bool again = interrupted || errno is Errno.Interrupted or Errno.NoBuffers or Errno.TryAgain;
            if (!again && errno == Errno.None)
            {
                return;
            }
            if (!again || attempt == 100)
            {
                throw new NetlinkException(errno == Errno.None ? Errno.Interrupted : errno, operation, detail);
            }
            restart();
        }
    }

    /// <summary>Sends a request with a single answer, handed to the handler. The request must not ask for an acknowledgement.</summary>
    public void Get(MessageBuffer request, string operation, MessageHandler handler)
    {
        Errno errno = Exchange(request, handler, out string? detail, single: true);
        if (errno != Errno.None)
        {
            throw new NetlinkException(errno, operation, detail);
        }
    }

    private Errno Exchange(MessageBuffer request, MessageHandler? handler, out string? detail, bool single = false)
    {
        uint sequence = ++_sequence;
        request.Stamp(sequence);
        Send(request.Written);
        while (true)
        {
            Errno failure = Receive(Timeout.Infinite, out ReadOnlySpan<byte> datagram);
            if (failure != Errno.None)
            {
                detail = null;
                return failure;
            }
            while (NetlinkMessage.TryRead(ref datagram, out NetlinkMessage message))
            {
                // Answers to a request that was given up (an interrupted dump) carry its number, not this one.
                if (message.Sequence != sequence || message.Type == NetlinkMessage.NoOperation)
                {
                    continue;
                }
                if (message.Type is NetlinkMessage.Error or NetlinkMessage.Done)
                {
                    return message.ReadError(out detail);
                }
                handler?.Invoke(message);
                if (single)
                {
                    detail = null;
                    return Errno.None;
                }
            }
        }
    }

    /// <summary>Sends raw messages to the kernel as one datagram.</summary>
    internal void Send(ReadOnlySpan<byte> bytes)
    {
        Errno errno = TrySend(bytes);
        if (errno != Errno.None)
        {
            throw LinuxException.From(errno, "send netlink message");
        }
    }

    internal Errno TrySend(ReadOnlySpan<byte> bytes)
    {
        var address = new Libc.NetlinkAddress { Family = Libc.AddressFamilyNetlink };
        fixed (byte* data = bytes)
        {
            while (Libc.SendTo(_handle, data, (nuint)bytes.Length, 0, &address, (uint)sizeof(Libc.NetlinkAddress)) < 0)
            {
                var errno = (Errno)Marshal.GetLastPInvokeError();
                if (errno != Errno.Interrupted)
                {
                    return errno;
                }
            }
        }
        return Errno.None;
    }

    /// <summary>One datagram, valid until the next call; TimedOut when none came in time, NoBuffers when the kernel dropped some.</summary>
    internal Errno Receive(int milliseconds, out ReadOnlySpan<byte> datagram)
    {
        datagram = default;
        while (true)
        {
            if (milliseconds != Timeout.Infinite && !PollReadable(milliseconds))
            {
                return Errno.TimedOut;
            }
            fixed (byte* data = _receive)
            {
                nint length = Libc.ReceiveFrom(_handle, data, (nuint)_receive.Length, 0, null, null);
                if (length >= 0)
                {
                    datagram = _receive.AsSpan(0, (int)length);
                    return Errno.None;
                }
            }
            var errno = (Errno)Marshal.GetLastPInvokeError();
            if (errno != Errno.Interrupted)
            {
                return errno;
            }
        }
    }

    private bool PollReadable(int milliseconds)
    {
        var descriptor = new Libc.PollDescriptor { Descriptor = (int)_handle.DangerousGetHandle(), Events = Libc.PollIn };
        return Libc.Poll(&descriptor, 1, milliseconds) > 0;
    }

    private void SetOption(int level, int option, int value) =>
        _ = Libc.SetSocketOption(_handle, level, option, &value, sizeof(int));

    public void Dispose() => _handle.Dispose();
}
