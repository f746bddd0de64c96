using System.Text.Json;

namespace Fairlead.Node.Runtime.Oci;

/// <summary>Where one container's parts lie, for its config.json.</summary>
/// <param name="Cgroup">Path of the cgroup in every hierarchy.</param>
/// <param name="ProcessNamespace">Another container's, by path; null: one of its own.</param>
/// <param name="NamespaceFolder">Folder that holds the sandbox's namespaces and shared memory.</param>
internal sealed record OciPlaces(string RootFileSystem, string Cgroup, string NamespaceFolder, ContainerUser User, string? ProcessNamespace = null);

/// <summary>Writes config.json (OCI runtime specification 1.0.2, config.md and config-linux.md).</summary>
internal static class OciSpec
{
    public static void Write(Stream output, ContainerConfig config, OciPlaces places)
    {
        using var json = new Utf8JsonWriter(output);
        json.WriteStartObject();
        json.WriteString("ociVersion", "1.0.2");
        json.WritePropertyName("process");
        WriteProcess(json, config, places.User);
        json.WriteStartObject("root");
        json.WriteString("path", places.RootFileSystem);
        json.WriteBoolean("readonly", config.Security.ReadOnlyRoot);
        json.WriteEndObject();
        OciMounts.Write(json, config, places);
        WriteLinux(json, config, places);
        json.WriteEndObject();
    }

    private static void WriteProcess(Utf8JsonWriter json, ContainerConfig config, ContainerUser user)
    {
        json.WriteStartObject();
        json.WriteBoolean("terminal", config.Tty);
        WriteUser(json, user);
        WriteStrings(json, "args", config.Arguments);
        json.WriteStartArray("env");
        if (config.Tty && !config.Variables.Any(variable => variable.Key == "TERM")) json.WriteStringValue("TERM=xterm");
        foreach (var (name, value) in config.Variables) json.WriteStringValue($"{name}={value}");
        json.WriteEndArray();
        json.WriteString("cwd", config.WorkingDirectory);
        json.WriteBoolean("noNewPrivileges", config.Security.NoNewPrivileges);
        json.WriteNumber("oomScoreAdj", OutOfMemoryScore.Possible(config.Resources.OomScoreAdjustment));
        json.WriteStartObject("capabilities");
        var capabilities = Capabilities.Of(config.Security);
        foreach (var set in (ReadOnlySpan<string>)["bounding", "effective", "permitted"]) WriteStrings(json, set, capabilities);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteUser(Utf8JsonWriter json, ContainerUser user)
    {
        json.WriteStartObject("user");
        json.WriteNumber("uid", user.User);
        json.WriteNumber("gid", user.Group);
        json.WriteStartArray("additionalGids");
        foreach (var group in user.Groups) json.WriteNumberValue(group);
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
        WriteStrings(json, "maskedPaths", open ? [] : ProcPaths.Masked);
        WriteStrings(json, "readonlyPaths", open ? [] : ProcPaths.ReadOnly);
        OciSeccomp.Write(json, config.Security);
        json.WriteEndObject();
    }

    private static void WriteNamespaces(Utf8JsonWriter json, ContainerConfig config, OciPlaces places)
    {
        json.WriteStartArray("namespaces");
        WriteNamespace(json, "mount", null);
        if (!config.HostPid) WriteNamespace(json, "pid", places.ProcessNamespace);
        if (!config.HostIpc) WriteNamespace(json, "ipc", $"{places.NamespaceFolder}/ipc");
        if (!config.Sandbox.HostNetwork) WriteNamespace(json, "network", $"{places.NamespaceFolder}/net");
        // With the node's network a pod has the node's name, which need not be the machine's: a machine may be several nodes.
        if (!config.Sandbox.HostNetwork || config.Sandbox.HostName != MachineName()) WriteNamespace(json, "uts", $"{places.NamespaceFolder}/uts");
        json.WriteEndArray();
    }

    private static string MachineName() => File.ReadAllText("/proc/sys/kernel/hostname").Trim();

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
