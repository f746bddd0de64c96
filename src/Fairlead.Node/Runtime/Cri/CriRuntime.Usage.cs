using System.Collections.Immutable;
using System.Globalization;
using System.Net.Sockets;
using Fairlead.Linux;
using Fairlead.Linux.Files;
using Fairlead.Linux.Namespaces;
using Fairlead.Node.Runtime.Usage;

namespace Fairlead.Node.Runtime.Cri;

/// <summary>The runtime puts containers in the cgroups that it is told, so that usage is read there as with any runtime.</summary>
internal sealed partial class CriRuntime
{
    private readonly CgroupReader _groups = new();

    public PodUsage? ReadUsage(string podUid)
    {
        var (state, group) = (Observe(podUid), paths.PodCgroup(podUid));
        if (state.Sandbox is not { } sandbox) return null;
        var containers = ImmutableArray.CreateBuilder<ContainerUsage>();
        foreach (var container in state.Containers.Where(container => container.Phase == ContainerPhase.Running))
        {
            var own = $"{group}/{container.Id}";
            if (_groups.Read(own) is { } usage) containers.Add(new(container, own, usage));
        }
        // Last, so that the pod never has less than its containers.
        if (_groups.Read(group) is not { } total) return null;
        var interfaces = sandbox.HostNetwork || ProcessOf(podUid) is not { } pid ? [] : InterfaceUsage.Of(pid.ToString(CultureInfo.InvariantCulture));
        return new PodUsage(time.GetUtcNow(), group, total, containers.ToImmutable(), interfaces);
    }

    /// <summary>What the runtime counts in its own layer, and what is in the one that is mounted over the node's folders.</summary>
    public async Task<ImmutableDictionary<string, DiskUse>> ReadDiskUseAsync(string podUid, CancellationToken cancel)
    {
        var uses = ImmutableDictionary.CreateBuilder<string, DiskUse>();
        foreach (var container in Observe(podUid).Containers.Where(container => container.Phase == ContainerPhase.Running))
        {
            try
            {
                uses[container.Id] = await client.WrittenAsync(container.Id, cancel) + DiskUse.Of($"{FolderOf(podUid, container.Name, container.Attempt)}/upper");
            }
            catch (CriException)
            {
                // It may have ended meanwhile.
            }
        }
        return uses.ToImmutable();
    }

    public async Task<Socket> ConnectAsync(string podUid, int port, CancellationToken cancel)
    {
        if (Observe(podUid).Sandbox is not { Ready: true } sandbox || (!sandbox.HostNetwork && ProcessOf(podUid) is null))
            throw new RuntimeException($"sandbox container \"{podUid}\" is not running");
        var path = sandbox.HostNetwork ? "/proc/thread-self/ns/net" : string.Create(CultureInfo.InvariantCulture, $"/proc/{ProcessOf(podUid)}/ns/net");
        try
        {
            using var opened = sandbox.HostNetwork ? NetworkNamespace.OpenCurrent() : NetworkNamespace.Open(path);
            return await LoopbackConnection.OpenAsync(opened, path, port, cancel);
        }
        catch (LinuxException e)
        {
            throw new RuntimeException($"failed to execute portforward in network namespace \"{path}\": {e.Message}", e);
        }
    }

    /// <summary>Any process of the pod: all of them are in the pod's network.</summary>
    private int? ProcessOf(string podUid)
    {
        foreach (var pid in PodCgroups.Processes(paths.PodCgroup(podUid))) return pid;
        return null;
    }
}
