using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace Fairlead.Node.Runtime;

/// <summary>What a runtime has of each pod, in memory: one immutable state a pod, swapped whole.</summary>
internal sealed class PodStates
{
    private readonly ConcurrentDictionary<string, PodRuntimeState> _pods = new();
    private readonly ConcurrentDictionary<string, string> _podOfContainer = new();

    public IReadOnlyCollection<string> Uids => [.. _pods.Keys];

    public IEnumerable<ContainerState> Containers => _pods.Values.SelectMany(pod => pod.Containers);

    public PodRuntimeState Observe(string podUid) => _pods.GetValueOrDefault(podUid, PodRuntimeState.Nothing);

    public bool Has(string podUid) => _pods.ContainsKey(podUid);

    public ContainerState? Find(string podUid, string id) => Observe(podUid).Containers.FirstOrDefault(container => container.Id == id);

    /// <summary>The container and with it its pod; false for one that no pod has.</summary>
    public bool TryFind(string id, [NotNullWhen(true)] out ContainerState? container)
    {
        container = _podOfContainer.TryGetValue(id, out var podUid) ? Find(podUid, id) : null;
        return container is not null;
    }

    /// <summary>Adds the container, or takes over how it is now.</summary>
    public void Put(ContainerState container)
    {
        _podOfContainer[container.Id] = container.PodUid;
        Update(container.PodUid, state => state with { Containers = state.Containers.RemoveAll(other => other.Id == container.Id).Add(container) });
    }

    public void Put(string podUid, PodSandbox? sandbox) => Update(podUid, state => state with { Sandbox = sandbox });

    /// <summary>The pod's namespaces are gone, though nobody took them down. Nothing happens to a pod that is no longer there.</summary>
    public void LoseSandbox(string podUid)
    {
        while (_pods.TryGetValue(podUid, out var state) && state.Sandbox is { Ready: true } sandbox)
        {
            if (_pods.TryUpdate(podUid, state with { Sandbox = sandbox with { Ready = false } }, state)) return;
        }
    }

    public void Remove(string podUid, string id)
    {
        _podOfContainer.TryRemove(id, out _);
        Update(podUid, state => state with { Containers = state.Containers.RemoveAll(other => other.Id == id) });
    }

    public void Remove(string podUid) => _pods.TryRemove(podUid, out _);

    private void Update(string podUid, Func<PodRuntimeState, PodRuntimeState> change) =>
        _pods.AddOrUpdate(podUid, _ => change(PodRuntimeState.Nothing), (_, state) => change(state));
}
