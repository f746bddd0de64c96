using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Discovery;
using Fairlead.Kube.Client;

namespace Fairlead.Controllers.GarbageCollector;

/// <summary>Finds out what has become of owners: from the graph, else from the API server itself.</summary>
internal sealed class OwnerResolver(KubeClient client, KindCatalog kinds, OwnerGraph graph)
{
    public async Task<IReadOnlyDictionary<string, OwnerState>> ResolveAsync(string ns, IEnumerable<OwnerReference> owners, CancellationToken cancel)
    {
        var states = new Dictionary<string, OwnerState>();
        foreach (var owner in owners) states[owner.Uid] = await ResolveAsync(ns, owner, cancel);
        return states;
    }

    private async Task<OwnerState> ResolveAsync(string ns, OwnerReference owner, CancellationToken cancel)
    {
        if (graph.Find(owner.Uid) is { } known) return GarbagePlan.IsWaiting(known.Meta) ? OwnerState.Waiting : OwnerState.Solid;
        if (graph.IsAbsent(owner.Uid)) return OwnerState.Absent;
        // An owner of an unknown kind, or in no namespace to look in, may exist: nothing is deleted on a guess.
        if (await KindOfAsync(owner, cancel) is not { } kind || (kind.Namespaced && ns.Length == 0)) return OwnerState.Solid;
        var live = await client.FindAsync(kind.Metadata, kind.Namespaced ? ns : null, owner.Name, cancel);
        if (live?.Metadata.Uid == owner.Uid) return GarbagePlan.IsWaiting(ObjectMeta.From(live.Metadata)) ? OwnerState.Waiting : OwnerState.Solid;
        graph.MarkAbsent(owner.Uid);
        return OwnerState.Absent;
    }

    private async Task<ApiKind?> KindOfAsync(OwnerReference owner, CancellationToken cancel)
    {
        var slash = owner.ApiVersion.IndexOf('/', StringComparison.Ordinal);
        var group = slash < 0 ? "" : owner.ApiVersion[..slash];
        var known = await kinds.ListAsync(cancel);
        return known.FirstOrDefault(kind => kind.Group == group && kind.Kind == owner.Kind);
    }
}
