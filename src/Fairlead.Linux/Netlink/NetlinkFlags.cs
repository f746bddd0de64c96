namespace Fairlead.Linux.Netlink;

/// <summary>nlmsg_flags (linux/netlink.h). Replace, Exclusive, Create and Append share bits with Root and Match, which only dumps use.</summary>
[Flags]
public enum NetlinkFlags : ushort
{
    None = 0,
    Request = 0x1,
    Multi = 0x2,
    Acknowledge = 0x4,
    Echo = 0x8,
    DumpInterrupted = 0x10,
    Replace = 0x100,
    Exclusive = 0x200,
    Create = 0x400,
    Append = 0x800,
    Dump = 0x300,
}
