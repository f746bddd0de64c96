using Fairlead.Kube.Protobuf;
using Fairlead.Linux.Files;

namespace Fairlead.Node.Runtime.Cri;

/// <summary>Of what a runtime counts, that which the cgroups do not tell (kubernetes/cri-api, runtime/v1/api.proto: ContainerStats, FilesystemUsage).</summary>
internal static class StatsMessages
{
    /// <summary>The writable layer in ContainerStatsResponse.</summary>
    public static DiskUse ReadWritten(ReadOnlySpan<byte> answer)
    {
        var layer = WireMessage.Part(WireMessage.Part(answer, 1), 4);
        return new(Wrapped(layer, 3), Wrapped(layer, 4));
    }

    /// <summary>UInt64Value; none counts as 0.</summary>
    private static long Wrapped(ReadOnlySpan<byte> message, int field) => WireMessage.NumberOf(WireMessage.Part(message, field), 1);
}
