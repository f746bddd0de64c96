using System.Runtime.InteropServices;

namespace Fairlead.Linux.Syscalls;

/// <summary>The C library's calls, as thin as they are; meaning lives with the callers.</summary>
internal static unsafe partial class Libc
{
    internal const int AddressFamilyNetlink = 16;
    internal const int FamilyIPv6 = 10;
    internal const int SocketRaw = 3;
    internal const int CloseOnExec = 0x80000;
    internal const int NonBlocking = 0x800;

    internal const int LevelSocket = 1;
    internal const int LevelNetlink = 270;
    internal const int SendBufferForce = 32;
    internal const int ReceiveBufferForce = 33;
    internal const int NetlinkAddMembership = 1;
    internal const int NetlinkCapAck = 10;
    internal const int NetlinkExtendedAck = 11;
    internal const int NetlinkStrictCheck = 12;

    internal const int MessageTruncated = 0x20;
    internal const int MessagePeekFlag = 0x2;
    internal const int MessageDontWait = 0x40;
    internal const int MessageCloseOnExec = 0x40000000;
    internal const short PollIn = 1;

    [StructLayout(LayoutKind.Sequential)]
    internal struct NetlinkAddress
    {
        internal ushort Family;
        internal ushort Pad;
        internal uint PortId;
        internal uint Groups;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct IoVector
    {
        internal void* Base;
        internal nuint Length;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct MessageHeader
    {
        internal void* Name;
        internal uint NameLength;
        internal IoVector* Vectors;
        internal nuint VectorCount;
        internal void* Control;
        internal nuint ControlLength;
        internal int Flags;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct PollDescriptor
    {
        internal int Descriptor;
        internal short Events;
        internal short Returned;
    }

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    internal static partial int Socket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    internal static partial int Bind(SafeHandle socket, NetlinkAddress* address, uint length);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    internal static partial int SetSocketOption(SafeHandle socket, int level, int option, int* value, uint length);

    [LibraryImport("libc", EntryPoint = "sendto", SetLastError = true)]
    internal static partial nint SendTo(SafeHandle socket, byte* data, nuint length, int flags, NetlinkAddress* address, uint addressLength);

    [LibraryImport("libc", EntryPoint = "recvfrom", SetLastError = true)]
    internal static partial nint ReceiveFrom(SafeHandle socket, byte* data, nuint length, int flags, NetlinkAddress* address, uint* addressLength);

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    internal static partial nint ReceiveMessage(SafeHandle socket, MessageHeader* message, int flags);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    internal static partial int Poll(PollDescriptor* descriptors, nuint count, int milliseconds);
}
