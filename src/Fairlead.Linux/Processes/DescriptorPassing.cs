using System.Net.Sockets;
using System.Runtime.InteropServices;
using Fairlead.Linux.Syscalls;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Linux.Processes;

/// <summary>Receives descriptors that another process sends over a unix socket (SCM_RIGHTS, unix(7)).</summary>
public static class DescriptorPassing
{
    /// <summary>Waits for one descriptor on a connected unix stream socket; null when the other side closes without sending one.</summary>
    public static async Task<SafeFileHandle?> ReceiveAsync(Socket socket, CancellationToken cancellation)
    {
        while (true)
        {
            // An empty read completes when there is something to read, and takes nothing away.
            await socket.ReceiveAsync(Memory<byte>.Empty, cancellation).ConfigureAwait(false);
            Errno errno = Receive(socket.SafeHandle, out SafeFileHandle? received);
            switch (errno)
            {
                case Errno.None:
                    return received;
                case Errno.TryAgain or Errno.Interrupted:
                    continue;
                default:
                    throw LinuxException.From(errno, "receive descriptor");
            }
        }
    }

    /// <summary>Waits for bytes on a connected unix stream socket, with the descriptors that come with them.</summary>
    /// <param name="received">Gets the descriptors, which the caller then owns.</param>
    /// <returns>How many bytes; 0: the other side has closed.</returns>
    public static async Task<int> ReceiveAsync(Socket socket, Memory<byte> buffer, List<SafeFileHandle> received, CancellationToken cancellation)
    {
        while (true)
        {
            await socket.ReceiveAsync(Memory<byte>.Empty, cancellation).ConfigureAwait(false);
            Errno errno = Receive(socket.SafeHandle, buffer.Span, received, out int count);
            switch (errno)
            {
                case Errno.None:
                    return count;
                case Errno.TryAgain or Errno.Interrupted:
                    continue;
                default:
                    throw LinuxException.From(errno, "receive bytes and descriptors");
            }
        }
    }

    private static unsafe Errno Receive(SafeHandle socket, Span<byte> buffer, List<SafeFileHandle> received, out int count)
    {
        // Room for 253 descriptors, the most that one message carries (SCM_MAX_FD): none is lost.
        const int Room = 1040;
        byte* control = stackalloc byte[Room];
        fixed (byte* bytes = buffer)
        {
            var vector = new Libc.IoVector { Base = bytes, Length = (nuint)buffer.Length };
            var message = new Libc.MessageHeader { Vectors = &vector, VectorCount = 1, Control = control, ControlLength = Room };
            nint length = Libc.ReceiveMessage(socket, &message, Libc.MessageDontWait | Libc.MessageCloseOnExec);
            count = (int)length;
            if (length < 0)
            {
                return (Errno)Marshal.GetLastPInvokeError();
            }
            TakeAll(new ReadOnlySpan<byte>(control, (int)message.ControlLength), received);
        }
        return Errno.None;
    }

    /// <summary>struct cmsghdr, one after the other, each aligned to 8: size_t length, int level, int type; then the descriptors.</summary>
    private static void TakeAll(ReadOnlySpan<byte> control, List<SafeFileHandle> received)
    {
        const int Rights = 1, HeaderSize = 16;
        while (control.Length >= HeaderSize)
        {
            int length = (int)MemoryMarshal.Read<nint>(control);
            if (length < HeaderSize || length > control.Length)
            {
                return;
            }
            if (MemoryMarshal.Read<int>(control[8..]) == Libc.LevelSocket && MemoryMarshal.Read<int>(control[12..]) == Rights)
            {
                foreach (int descriptor in MemoryMarshal.Cast<byte, int>(control[HeaderSize..length]))
                {
                    received.Add(new SafeFileHandle(descriptor, ownsHandle: true));
                }
            }
            control = control[Math.Min((length + 7) & ~7, control.Length)..];
        }
    }

    private static unsafe Errno Receive(SafeHandle socket, out SafeFileHandle? received)
    {
        const int Rights = 1, HeaderSize = 16;
        byte* text = stackalloc byte[4096];
        byte* control = stackalloc byte[64];
        var vector = new Libc.IoVector { Base = text, Length = 4096 };
        var message = new Libc.MessageHeader { Vectors = &vector, VectorCount = 1, Control = control, ControlLength = 64 };
        received = null;
        nint length = Libc.ReceiveMessage(socket, &message, Libc.MessageDontWait | Libc.MessageCloseOnExec);
        if (length < 0)
        {
            return (Errno)Marshal.GetLastPInvokeError();
        }
        // struct cmsghdr: size_t length, int level, int type; then the descriptors. Only the first is wanted.
        if (message.ControlLength >= HeaderSize + sizeof(int)
            && *(int*)(control + 8) == Libc.LevelSocket
            && *(int*)(control + 12) == Rights)
        {
            received = new SafeFileHandle(*(int*)(control + HeaderSize), ownsHandle: true);
        }
        return Errno.None;
    }
}
