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
