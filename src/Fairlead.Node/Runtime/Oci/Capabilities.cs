using System.Collections.Immutable;
using System.Globalization;

namespace Fairlead.Node.Runtime.Oci;

/// <summary>Which capabilities a container gets (capabilities(7); the default set is containerd's).</summary>
internal static class Capabilities
{
    private static readonly ImmutableArray<string> Default =
    [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID",
        "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
    ];

    /// <summary>In the kernel's order: a capability's place is its bit.</summary>
    private static readonly ImmutableArray<string> Known =
    [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID",
        "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK",
        "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN",
        "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE",
        "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM",
        "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
    ];

    /// <summary>Nobody can give what he has not: on a machine that withholds some from its root, "all" is what the agent itself has.</summary>
    private static readonly ImmutableArray<string> All = Held(File.ReadLines("/proc/self/status"));

    /// <param name="status">Lines of /proc/PID/status (proc_pid_status(5)).</param>
    internal static ImmutableArray<string> Held(IEnumerable<string> status)
    {
        const string Effective = "CapEff:";
        var line = status.First(text => text.StartsWith(Effective, StringComparison.Ordinal));
        var bits = ulong.Parse(line.AsSpan(Effective.Length).Trim(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        return [.. Known.Where((_, bit) => ((bits >> bit) & 1) == 1)];
    }

    public static ImmutableArray<string> Of(ContainerSecurity security)
    {
        if (security.Privileged) return All;
        var dropsAll = security.DroppedCapabilities.Any(IsAll);
        IEnumerable<string> set = security.AddedCapabilities.Any(IsAll) ? All : dropsAll ? [] : Default;
        if (!dropsAll) set = set.Except(security.DroppedCapabilities.Select(FullName));
        return [.. set.Union(security.AddedCapabilities.Where(name => !IsAll(name)).Select(FullName))];
    }

    private static bool IsAll(string name) => name.Equals("ALL", StringComparison.OrdinalIgnoreCase);

    private static string FullName(string name)
    {
        var upper = name.ToUpperInvariant();
        return upper.StartsWith("CAP_", StringComparison.Ordinal) ? upper : "CAP_" + upper;
    }
}
