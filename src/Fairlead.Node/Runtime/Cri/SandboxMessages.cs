using Fairlead.Kube.Protobuf;
using Fairlead.Node.Network;

namespace Fairlead.Node.Runtime.Cri;

/// <summary>How the processes of a pod see one another (CRI, NamespaceMode).</summary>
internal enum NamespaceMode
{
    Pod = 0,
    Container = 1,
    Node = 2,
    Target = 3,
}

/// <summary>A sandbox as the runtime lists it.</summary>
internal sealed record ListedSandbox(string Id, uint Attempt, bool Ready, DateTimeOffset CreatedAt, IReadOnlyDictionary<string, string> Labels);

/// <summary>Messages about sandboxes (kubernetes/cri-api, runtime/v1/api.proto: PodSandboxConfig and those around it).</summary>
internal static class SandboxMessages
{
    /// <summary>PodSandboxConfig; it is given again with each container of the sandbox.</summary>
    public static byte[] Config(SandboxConfig config, uint attempt, string logFolder, string cgroup, IReadOnlyDictionary<string, string> labels) => WireMessage.Write(message =>
    {
        message.Message(1, metadata =>
        {
            metadata.Text(1, config.Name);
            metadata.Text(2, config.PodUid);
            metadata.Text(3, config.Namespace);
            metadata.Optional(4, attempt);
        });
        // With the node's network it has the node's name.
        if (!config.HostNetwork) message.Text(2, config.HostName);
        message.Text(3, logFolder);
        foreach (var port in config.Ports) message.Message(5, mapping => WritePort(mapping, port));
        message.Map(6, labels);
        message.Message(8, linux =>
        {
            linux.Text(1, cgroup);
            linux.Message(2, security =>
            {
                security.Message(1, namespaces => Namespaces(namespaces, config.HostNetwork, PidOf(config), config.HostIpc));
                security.Optional(6, config.Privileged);
            });
            linux.Map(3, config.Sysctls);
        });
    });

    public static byte[] Run(byte[] config, string handler) => WireMessage.Write(message =>
    {
        message.Bytes(1, config);
        message.Optional(2, handler);
    });

    /// <summary>NamespaceOption.</summary>
    public static void Namespaces(WireWriter message, bool hostNetwork, NamespaceMode pid, bool hostIpc, string? target = null)
    {
        message.Optional(1, (long)(hostNetwork ? NamespaceMode.Node : NamespaceMode.Pod));
        message.Optional(2, (long)pid);
        message.Optional(3, (long)(hostIpc ? NamespaceMode.Node : NamespaceMode.Pod));
        message.Optional(4, target);
    }

    /// <summary>A filter by labels, for sandboxes (its field 3) and containers (4).</summary>
    public static byte[] Filter(int field, IEnumerable<KeyValuePair<string, string>> labels) => WireMessage.Write(message => message.Message(1, filter => filter.Map(field, labels)));

    public static List<ListedSandbox> ReadList(ReadOnlySpan<byte> answer) => WireMessage.Each(answer, 1, Read);

    /// <summary>The address in PodSandboxStatusResponse; null: it has none.</summary>
    public static string? ReadAddress(ReadOnlySpan<byte> answer)
    {
        var status = WireMessage.Part(answer, 1);
        var network = WireMessage.Part(status, 5);
        return WireMessage.TextOf(network, 1) is { Length: > 0 } address ? address : null;
    }

    /// <summary>For a network plugin that maps ports; the agent maps them itself where it is the plugin.</summary>
    private static void WritePort(WireWriter message, PortMapping port)
    {
        const byte Udp = 17, Sctp = 132;
        message.Optional(1, port.Protocol switch { Udp => 1, Sctp => 2, _ => 0 });
        message.Number(2, port.ContainerPort);
        message.Number(3, port.HostPort);
        message.Optional(4, port.HostAddress?.ToString());
    }

    private static NamespaceMode PidOf(SandboxConfig config) => config.HostPid ? NamespaceMode.Node : config.SharedProcesses ? NamespaceMode.Pod : NamespaceMode.Container;

    private static ListedSandbox Read(ReadOnlySpan<byte> message)
    {
        var (id, attempt, ready, created, labels) = ("", 0u, true, 0L, new Dictionary<string, string>());
        var reader = new WireReader(message);
        while (reader.Next(out var field, out var type))
        {
            switch (field)
            {
                case 1:
                    id = reader.Text();
                    break;
                case 2:
                    attempt = (uint)WireMessage.NumberOf(reader.Bytes(), 4);
                    break;
                case 3:
                    ready = reader.Varint() == 0;
                    break;
                case 4:
                    created = (long)reader.Varint();
                    break;
                case 5:
                    reader.ReadInto(labels);
                    break;
                default:
                    reader.Skip(type);
                    break;
            }
        }
        return new(id, attempt, ready, CriTime.Of(created) ?? default, labels);
    }
}
