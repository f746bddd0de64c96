using System.Runtime.InteropServices;

namespace Fairlead.Linux.Netlink;

/// <summary>A netlink request that the kernel refused, with its extended text where it gave one.</summary>
public sealed class NetlinkException(Errno errno, string operation, string? detail)
    : LinuxException(errno, Describe(errno, operation, detail))
{
    /// <summary>The kernel's own words (NLMSGERR_ATTR_MSG), or null.</summary>
    public string? Detail { get; } = detail;

    private static string Describe(Errno errno, string operation, string? detail)
    {
        string text = $"{operation}: {Marshal.GetPInvokeErrorMessage((int)errno)} ({(int)errno})";
        return detail is null ? text : $"{text}: {detail}";
    }
}
