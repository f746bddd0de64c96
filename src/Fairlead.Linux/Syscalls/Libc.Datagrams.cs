using System.Runtime.InteropServices;

namespace Fairlead.Linux.Syscalls;

internal static unsafe partial class Libc
{
    internal const int LevelIPv4 = 0;
    internal const int LevelIPv6 = 41;
    internal const int IPv4PacketInfo = 8;
    internal const int IPv6ReceivePacketInfo = 49;
    internal const int MessageWaitForOne = 0x10000;

    /// <summary>struct mmsghdr (recvmmsg(2)).</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct MultiMessageHeader
    {
        internal MessageHeader Header;
        internal uint Length;
    }

    [LibraryImport("libc", EntryPoint = "recvmmsg", SetLastError = true)]
    internal static partial int ReceiveMessages(SafeHandle socket, MultiMessageHeader* messages, uint count, int flags, void* timeout);

    [LibraryImport("libc", EntryPoint = "sendmmsg", SetLastError = true)]
    internal static partial int SendMessages(SafeHandle socket, MultiMessageHeader* messages, uint count, int flags);

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    internal static partial nint SendMessage(SafeHandle socket, MessageHeader* message, int flags);
}
