using k8s.Models;

namespace Fairlead.Node.Pods;

/// <summary>
/// Kernel settings that a pod may have: those that stay in its own namespaces and harm nobody, and what the node's owner allows besides
/// (Kubernetes documentation: "Using sysctls in a Kubernetes Cluster").
/// </summary>
internal static class SysctlRule
{
    private static readonly string[] Safe =
    [
        "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports", "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_rmem", "net.ipv4.tcp_syncookies", "net.ipv4.tcp_wmem",
    ];

    /// <param name="allowed">Names, or beginnings of names with a star.</param>
    /// <returns>Null: all of them may be set.</returns>
    public static PodVerdict? Check(V1PodSpec spec, IEnumerable<string> allowed)
    {
        foreach (var sysctl in spec.SecurityContext?.Sysctls ?? [])
        {
            // Names may be written with slashes, as the kernel's files are.
            var name = sysctl.Name.Replace('/', '.');
            if (spec.HostNetwork == true && name.StartsWith("net.", StringComparison.Ordinal)) return Forbidden($"\"{name}\" not allowed with host net enabled");
            if (spec.HostIPC == true && !name.StartsWith("net.", StringComparison.Ordinal)) return Forbidden($"\"{name}\" not allowed with host ipc enabled");
            if (!Safe.Contains(name) && !allowed.Any(pattern => Matches(pattern.Replace('/', '.'), name))) return Forbidden($"\"{name}\" not allowlisted");
        }
        return null;
    }

    private static bool Matches(string pattern, string name) =>
        pattern.EndsWith('*') ? name.StartsWith(pattern[..^1], StringComparison.Ordinal) : pattern == name;

    private static PodVerdict Forbidden(string why) => new("SysctlForbidden", $"forbidden sysctl: {why}");
}
