using System.Globalization;
using Fairlead.Kube.Protobuf;

namespace Fairlead.Node.Runtime.Cri;

/// <summary>What a container needs beside its configuration.</summary>
/// <param name="Image">As the runtime knows it.</param>
/// <param name="User">Looked up already; null: the runtime looks the names up in the container's own files.</param>
/// <param name="SeccompFile">File with the profile of <see cref="ContainerSecurity.SeccompProfile"/>.</param>
/// <param name="LogPath">Below the sandbox's folder of logs.</param>
internal sealed record ContainerPlaces(string Image, ContainerUser? User, string? SeccompFile, string LogPath, IReadOnlyDictionary<string, string> Labels);

/// <summary>Writes CreateContainerRequest (kubernetes/cri-api, runtime/v1/api.proto: ContainerConfig and those in it).</summary>
internal static class ContainerRequest
{
    private const int RuntimeDefault = 0, Unconfined = 1, Localhost = 2;

    public static byte[] Write(string sandboxId, byte[] sandboxConfig, ContainerConfig config, ContainerPlaces places) => WireMessage.Write(message =>
    {
        message.Text(1, sandboxId);
        message.Message(2, container => WriteConfig(container, config, places));
        message.Bytes(3, sandboxConfig);
    });

    private static void WriteConfig(WireWriter message, ContainerConfig config, ContainerPlaces places)
    {
        message.Message(1, metadata =>
        {
            metadata.Text(1, config.Name);
            metadata.Optional(2, config.Attempt);
        });
        message.Message(2, image => image.Text(1, places.Image));
        message.Texts(3, config.Command);
        message.Texts(4, config.ExtraArguments);
        message.Optional(5, config.WorkingDirectory);
        foreach (var (name, value) in config.Variables)
        {
            message.Message(6, variable =>
            {
                variable.Text(1, name);
                variable.Optional(2, value);
            });
        }
        foreach (var mount in config.Mounts) message.Message(7, one => WriteMount(one, mount));
        message.Map(9, places.Labels);
        message.Text(11, places.LogPath);
        message.Optional(12, config.Stdin);
        message.Optional(13, config.StdinOnce);
        message.Optional(14, config.Tty);
        message.Message(15, linux =>
        {
            linux.Message(1, resources => WriteResources(resources, config.Resources));
            linux.Message(2, security => WriteSecurity(security, config, places));
        });
    }

    private static void WriteMount(WireWriter message, ContainerMount mount)
    {
        message.Text(1, mount.Target);
        message.Text(2, mount.Source);
        message.Optional(3, mount.ReadOnly);
        message.Optional(5, mount.Propagation switch { "rslave" => 1, "rshared" => 2, _ => 0 });
    }

    private static void WriteResources(WireWriter message, ContainerResources resources)
    {
        if (resources.CpuQuota is { } quota)
        {
            message.Number(1, 100_000);
            message.Number(2, quota);
        }
        message.Number(3, (long)resources.CpuShares);
        message.Optional(4, resources.Memory ?? 0);
        message.Optional(5, resources.OomScoreAdjustment);
    }

    private static void WriteSecurity(WireWriter message, ContainerConfig config, ContainerPlaces places)
    {
        var security = config.Security;
        message.Message(1, capabilities =>
        {
            capabilities.Texts(1, security.AddedCapabilities);
            capabilities.Texts(2, security.DroppedCapabilities);
        });
        message.Optional(2, security.Privileged);
        message.Message(3, namespaces => SandboxMessages.Namespaces(namespaces, config.Sandbox.HostNetwork, PidOf(config), config.HostIpc, config.JoinedContainer));
        WriteUser(message, config, places);
        message.Optional(7, security.ReadOnlyRoot);
        message.Optional(11, security.NoNewPrivileges);
        if (!security.Privileged && !security.UnmaskedProc)
        {
            message.Texts(13, ProcPaths.Masked);
            message.Texts(14, ProcPaths.ReadOnly);
        }
        message.Message(15, seccomp =>
        {
            seccomp.Optional(1, places.SeccompFile is not null ? Localhost : security.SeccompDefault ? RuntimeDefault : Unconfined);
            seccomp.Optional(2, places.SeccompFile);
        });
        message.Optional(17, security.StrictGroups ? 1 : 0);
    }

    private static NamespaceMode PidOf(ContainerConfig config) =>
        config.HostPid ? NamespaceMode.Node : config.JoinedContainer is not null ? NamespaceMode.Target : config.SharedProcesses ? NamespaceMode.Pod : NamespaceMode.Container;

    /// <summary>A user that is only the image's own is left to the runtime, which knows the image's groups too.</summary>
    private static void WriteUser(WireWriter message, ContainerConfig config, ContainerPlaces places)
    {
        var security = config.Security;
        IEnumerable<uint> groups = places.User?.Groups ?? security.Groups;
        foreach (var group in groups) message.Number(8, group);
        if (places.User is { } user)
        {
            message.Wrapped(5, user.User);
            message.Wrapped(12, user.Group);
            return;
        }
        if (security.User == config.Image.User && security.Group is null) return;
        var asked = security.User.Split(':', 2);
        if (asked[0].Length == 0 || Number(asked[0]) is not null) message.Wrapped(5, Number(asked[0]) ?? 0);
        else message.Text(6, asked[0]);
        message.Wrapped(12, security.Group ?? (asked.Length > 1 ? Number(asked[1]) : null));
    }

    private static long? Number(string text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
