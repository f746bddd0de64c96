using System.Text.Json;

namespace Fairlead.Node.Runtime.Oci;

/// <summary>The mounts of a container: what every container has, what its image hides, then what its pod asks for, outer paths first.</summary>
internal static class OciMounts
{
    public static void Write(Utf8JsonWriter json, ContainerConfig config, OciPlaces places)
    {
        json.WriteStartArray("mounts");
        WriteMount(json, "/proc", "proc", "proc", "nosuid", "noexec", "nodev");
        WriteMount(json, "/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k");
        WriteMount(json, "/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5");
        WriteMount(json, "/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev");
        var system = config.Security.Privileged ? "rw" : "ro";
        WriteMount(json, "/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", system);
        WriteMount(json, "/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", system);
        if (config.HostIpc) WriteMount(json, "/dev/shm", "bind", "/dev/shm", "rbind", "rw");
        else WriteMount(json, "/dev/shm", "bind", $"{places.NamespaceFolder}/shm", "rbind", "rw");
        foreach (var hidden in config.Image.Hidden)
            WriteMount(json, hidden, "tmpfs", "tmpfs", "nosuid", "nodev", hidden == "/tmp" ? "mode=1777" : "mode=755");
        foreach (var mount in config.Image.Mounts.Concat(config.Mounts).OrderBy(mount => mount.Target.Count(c => c == '/')))
            WriteMount(json, mount.Target, "bind", mount.Source, "rbind", mount.Propagation, mount.ReadOnly ? "ro" : "rw");
        json.WriteEndArray();
    }

    private static void WriteMount(Utf8JsonWriter json, string target, string type, string source, params ReadOnlySpan<string> options)
    {
        json.WriteStartObject();
        json.WriteString("destination", target);
        json.WriteString("type", type);
        json.WriteString("source", source);
        json.WriteStartArray("options");
        foreach (var option in options) json.WriteStringValue(option);
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
