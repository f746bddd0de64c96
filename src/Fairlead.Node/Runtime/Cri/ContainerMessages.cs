using Fairlead.Kube.Protobuf;

namespace Fairlead.Node.Runtime.Cri;

/// <summary>A container as the runtime lists it.</summary>
/// <param name="Phase">Null: the runtime does not know either.</param>
internal sealed record ListedContainer(string Id, string SandboxId, string Name, uint Attempt, ContainerPhase? Phase, IReadOnlyDictionary<string, string> Labels);

/// <summary>How a container is.</summary>
internal sealed record CriContainerStatus(ContainerPhase? Phase, DateTimeOffset? StartedAt, DateTimeOffset? FinishedAt, int ExitCode, string Reason, string Message);

/// <summary>What answers about containers say (kubernetes/cri-api, runtime/v1/api.proto: Container, ContainerStatus).</summary>
internal static class ContainerMessages
{
    public static List<ListedContainer> ReadList(ReadOnlySpan<byte> answer) => WireMessage.Each(answer, 1, Read);

    /// <summary>ContainerStatusResponse.</summary>
    public static CriContainerStatus ReadStatus(ReadOnlySpan<byte> answer) => WireMessage.Part(answer, 1) is { IsEmpty: false } status
        ? ReadOne(status)
        : throw new WireException("a container's status is missing");

    private static ListedContainer Read(ReadOnlySpan<byte> message)
    {
        var (id, sandbox, name, attempt, phase, labels) = ("", "", "", 0u, 0UL, new Dictionary<string, string>());
        var reader = new WireReader(message);
        while (reader.Next(out var field, out var type))
        {
            switch (field)
            {
                case 1:
                    id = reader.Text();
                    break;
                case 2:
                    sandbox = reader.Text();
                    break;
                case 3:
                    var metadata = reader.Bytes();
                    (name, attempt) = (WireMessage.TextOf(metadata, 1), (uint)WireMessage.NumberOf(metadata, 2));
                    break;
                case 6:
                    phase = reader.Varint();
                    break;
                case 8:
                    reader.ReadInto(labels);
                    break;
                default:
                    reader.Skip(type);
                    break;
            }
        }
        return new(id, sandbox, name, attempt, Phase(phase), labels);
    }

    private static CriContainerStatus ReadOne(ReadOnlySpan<byte> message)
    {
        var (phase, started, finished, code, reason, words) = (0UL, 0L, 0L, 0, "", "");
        var reader = new WireReader(message);
        while (reader.Next(out var field, out var type))
        {
            switch (field)
            {
                case 3:
                    phase = reader.Varint();
                    break;
                case 5:
                    started = (long)reader.Varint();
                    break;
                case 6:
                    finished = (long)reader.Varint();
                    break;
                case 7:
                    code = (int)reader.Varint();
                    break;
                case 10:
                    reason = reader.Text();
                    break;
                case 11:
                    words = reader.Text();
                    break;
                default:
                    reader.Skip(type);
                    break;
            }
        }
        return new(Phase(phase), CriTime.Of(started), CriTime.Of(finished), code, reason, words);
    }

    private static ContainerPhase? Phase(ulong state) => state switch
    {
        0 => ContainerPhase.Created,
        1 => ContainerPhase.Running,
        2 => ContainerPhase.Exited,
        _ => null,
    };
}
