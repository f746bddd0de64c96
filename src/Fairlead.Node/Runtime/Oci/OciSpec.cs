using System.Text.Json;

namespace Fairlead.Node.Runtime.Oci;

/// <summary>Where one container's parts lie, for its config.json.</summary>
/// <param name="Cgroup">Path of the cgroup in every hierarchy.</param>
/// <param name="NamespaceFolder">Folder that holds the sandbox's namespaces and shared memory.</param>
internal sealed record OciPlaces(string RootFileSystem, string Cgroup, string NamespaceFolder);

/// <summary>Writes config.json (OCI runtime specification 1.0.2, config.md and config-linux.md).</summary>
internal static class OciSpec
{
    private static readonly string[] Masked =
    [
        "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
        "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap",
    ];

    private static readonly string[] ReadOnly = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

    public static void Write(Stream output, ContainerConfig config, OciPlaces places)
    {
        using var json = new Utf8JsonWriter(output);
        json.WriteStartObject();
        json.WriteString("ociVersion", "1.0.2");
        json.WritePropertyName("process");
        WriteProcess(json, config, config.Arguments, config.Tty);
        json.WriteStartObject("root");
        json.WriteString("path", places.RootFileSystem);
        json.WriteBoolean("readonly", config.Security.ReadOnlyRoot);
        json.WriteEndObject();
        OciMounts.Write(json, config, places);
        WriteLinux(json, config, places);
        json.WriteEndObject();
    }

    /// <summary>The process of an exec, as <c>runc exec --process</c> takes it.</summary>
    public static void WriteProcess(Utf8JsonWriter json, ContainerConfig config, IEnumerable<string> arguments, bool tty)
    {
        json.WriteStartObject();
        json.WriteBoolean("terminal", tty);
        WriteUser(json, config.Security);
        WriteStrings(json, "args", arguments);
        json.WriteStartArray("env");
        if (tty && !config.Variables.Any(variable => variable.Key == "TERM")) json.WriteStringValue("TERM=xterm");
        foreach (var (name, value) in config.Variables) json.WriteStringValue($"{name}={value}");
        json.WriteEndArray();
        json.WriteString("cwd", config.WorkingDirectory);
        json.WriteBoolean("noNewPrivileges", config.Security.NoNewPrivileges);
        json.WriteNumber("oomScoreAdj", config.Resources.OomScoreAdjustment);
        json.WriteStartObject("capabilities");
        var capabilities = Capabilities.Of(config.Security);
        foreach (var set in (ReadOnlySpan<string>)["bounding", "effective", "permitted"]) WriteStrings(json, set, capabilities);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteUser(Utf8JsonWriter json, ContainerSecurity security)
    {
        json.WriteStartObject("user");
        json.WriteNumber("uid", security.User);
        json.WriteNumber("gid", security.Group);
        json.WriteStartArray("additionalGids");
        foreach (var group in security.Groups) json.WriteNumberValue(group);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteLinux(Utf8JsonWriter json, ContainerConfig config, OciPlaces places)
    {
        json.WriteStartObject("linux");
        json.WriteString("cgroupsPath", places.Cgroup);
        WriteNamespaces(json, config, places);
        WriteResources(json, config);
        json.WriteStartObject("sysctl");
        foreach (var (name, value) in config.Sysctls) json.WriteString(name, value);
        json.WriteEndObject();
        var open = config.Security.Privileged || config.Security.UnmaskedProc;
        WriteStrings(json, "maskedPaths", open ? [] : Masked);
        WriteStrings(json, "readonlyPaths", open ? [] : ReadOnly);
        json.WriteEndObject();
    }

    private static void WriteNamespaces(Utf8JsonWriter json, ContainerConfig config, OciPlaces places)
    {
        json.WriteStartArray("namespaces");
        WriteNamespace(json, "mount", null);
        if (!config.HostPid) WriteNamespace(json, "pid", null);
        if (!config.HostIpc) WriteNamespace(json, "ipc", $"{places.NamespaceFolder}/ipc");
        if (!config.Sandbox.HostNetwork)
        {
            WriteNamespace(json, "network", $"{places.NamespaceFolder}/net");
            WriteNamespace(json, "uts", $"{places.NamespaceFolder}/uts");
        }
        json.WriteEndArray();
    }

    private static void WriteNamespace(Utf8JsonWriter json, string type, string? path)
    {
        json.WriteStartObject();
        json.WriteString("type", type);
        if (path is not null) json.WriteString("path", path);
        json.WriteEndObject();
    }

    private static void WriteResources(Utf8JsonWriter json, ContainerConfig config)
    {
        json.WriteStartObject("resources");
        json.WriteStartArray("devices");
        // The runtime itself allows the few devices that every container has.
        json.WriteStartObject();
        json.WriteBoolean("allow", config.Security.Privileged);
        json.WriteString("access", "rwm");
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteStartObject("cpu");
        json.WriteNumber("shares", config.Resources.CpuShares);
        if (config.Resources.CpuQuota is { } quota)
        {
            json.WriteNumber("quota", quota);
            json.WriteNumber("period", 100_000);
        }
        json.WriteEndObject();
        if (config.Resources.Memory is { } memory)
        {
            json.WriteStartObject("memory");
            json.WriteNumber("limit", memory);
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    private static void WriteStrings(Utf8JsonWriter json, string name, IEnumerable<string> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values) json.WriteStringValue(value);
        json.WriteEndArray();
    }
}
