using System.Runtime.InteropServices;
using System.Text.Json;

namespace Fairlead.Node.Runtime.Oci;

/// <summary>
/// Which system calls a container may make (OCI runtime specification, config-linux.md, seccomp; Kubernetes documentation: "Restrict a
/// Container's Syscalls with seccomp").
/// </summary>
internal static class OciSeccomp
{
    private const int NoSuchCall = 38;

    /// <summary>
    /// The runtime's own profile refuses the calls that reach the kernel as a whole and that no program of a container needs, each unless the
    /// container has the capability without which it would fail anyway. By refusal, so that a call younger than this list is not broken.
    /// </summary>
    private static readonly (string Capability, string[] Calls)[] Refused =
    [
        ("CAP_SYS_ADMIN",
        [
            "bpf", "fanotify_init", "fsconfig", "fsmount", "fsopen", "fspick", "lookup_dcookie", "mount", "mount_setattr", "move_mount", "open_tree",
            "perf_event_open", "pivot_root", "quotactl", "quotactl_fd", "setdomainname", "sethostname", "setns", "umount", "umount2", "unshare",
        ]),
        ("CAP_SYS_BOOT", ["kexec_file_load", "kexec_load", "reboot"]),
        ("CAP_SYS_MODULE", ["create_module", "delete_module", "finit_module", "get_kernel_syms", "init_module", "query_module"]),
        ("CAP_SYS_PACCT", ["acct"]),
        ("CAP_SYS_PTRACE", ["kcmp", "pidfd_getfd", "process_madvise", "process_vm_readv", "process_vm_writev"]),
        ("CAP_SYS_RAWIO", ["ioperm", "iopl"]),
        ("CAP_SYS_TIME", ["clock_adjtime", "clock_adjtime64", "clock_settime", "clock_settime64", "settimeofday", "stime"]),
        ("CAP_SYS_TTY_CONFIG", ["vhangup"]),
        ("CAP_SYS_NICE", ["get_mempolicy", "mbind", "move_pages", "migrate_pages", "set_mempolicy"]),
        ("CAP_SYSLOG", ["syslog"]),
        ("CAP_DAC_READ_SEARCH", ["open_by_handle_at"]),
        // No capability opens these.
        ("", ["add_key", "io_uring_enter", "io_uring_register", "io_uring_setup", "keyctl", "nfsservctl", "request_key", "swapoff", "swapon", "sysfs", "_sysctl", "uselib", "userfaultfd", "ustat", "vm86", "vm86old"]),
    ];

    /// <summary>The flags of clone(2) that make namespaces.</summary>
    private const ulong NamespaceFlags = 0x7E020000;

    public static void Write(Utf8JsonWriter json, ContainerSecurity security)
    {
        if (security.SeccompProfile is { } file)
        {
            json.WritePropertyName("seccomp");
            json.WriteRawValue(file);
        }
        else if (security.SeccompDefault)
        {
            json.WriteStartObject("seccomp");
            WriteDefault(json, Capabilities.Of(security));
            json.WriteEndObject();
        }
    }

    private static void WriteDefault(Utf8JsonWriter json, IReadOnlyCollection<string> capabilities)
    {
        json.WriteString("defaultAction", "SCMP_ACT_ALLOW");
        json.WriteStartArray("architectures");
        foreach (var architecture in Architectures()) json.WriteStringValue(architecture);
        json.WriteEndArray();
        json.WriteStartArray("syscalls");
        WriteRule(json, Refused.Where(group => group.Capability.Length == 0 || !capabilities.Contains(group.Capability)).SelectMany(group => group.Calls), null, null);
        if (!capabilities.Contains("CAP_SYS_ADMIN"))
        {
            // A filter cannot look into clone3's arguments; a C library that is told there is no such call uses clone.
            WriteRule(json, ["clone3"], NoSuchCall, null);
            for (var flag = 1UL << 17; flag <= NamespaceFlags; flag <<= 1)
            {
                if ((NamespaceFlags & flag) != 0) WriteRule(json, ["clone"], null, flag);
            }
        }
        json.WriteEndArray();
    }

    private static void WriteRule(Utf8JsonWriter json, IEnumerable<string> calls, int? errno, ulong? flag)
    {
        json.WriteStartObject();
        json.WriteStartArray("names");
        foreach (var call in calls) json.WriteStringValue(call);
        json.WriteEndArray();
        json.WriteString("action", "SCMP_ACT_ERRNO");
        if (errno is { } number) json.WriteNumber("errnoRet", number);
        if (flag is { } bit)
        {
            json.WriteStartArray("args");
            json.WriteStartObject();
            json.WriteNumber("index", 0);
            json.WriteNumber("value", bit);
            json.WriteNumber("valueTwo", bit);
            json.WriteString("op", "SCMP_CMP_MASKED_EQ");
            json.WriteEndObject();
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }

    private static string[] Architectures() => RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        Architecture.Arm64 => ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
        _ => [],
    };
}
