using System.Collections.Immutable;
using System.Globalization;
using Fairlead.Linux.Files;
using Fairlead.Node.Runtime.Usage;

namespace Fairlead.Node.Runtime.Oci;

internal sealed partial class OciRuntime
{
    private readonly CgroupReader _groups = new();

    public Task<ImmutableDictionary<string, DiskUse>> ReadDiskUseAsync(string podUid, CancellationToken cancel) => Task.Run(
        () => Observe(podUid).Containers.ToImmutableDictionary(container => container.Id, container => DiskUse.Of($"{FilesOf(podUid, container.Id).Folder}/upper")), cancel);

    public PodUsage? ReadUsage(string podUid)
    {
        var (state, group) = (Observe(podUid), _paths.PodCgroup(podUid));
        if (state.Sandbox is not { } sandbox) return null;
        var containers = ImmutableArray.CreateBuilder<ContainerUsage>();
        int? process = null;
        foreach (var container in state.Containers.Where(container => container.Phase == ContainerPhase.Running))
        {
            var own = $"{group}/{container.Id}";
            if (_groups.Read(own) is not { } usage) continue;
            containers.Add(new(container, own, usage));
            process ??= ContainerFiles.ReadProcessId(FilesOf(podUid, container.Id).ProcessId);
        }
        // Last, so that the pod never has less than its containers.
        if (_groups.Read(group) is not { } total) return null;
        // Any process of the pod sees the pod's network, and no other namespace need be entered.
        var interfaces = sandbox.HostNetwork || process is not { } pid ? [] : InterfaceUsage.Of(pid.ToString(CultureInfo.InvariantCulture));
        return new PodUsage(_time.GetUtcNow(), group, total, containers.ToImmutable(), interfaces);
    }
}
