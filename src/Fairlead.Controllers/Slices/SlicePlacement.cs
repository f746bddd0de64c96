using Fairlead.Controllers.Cache;

namespace Fairlead.Controllers.Slices;

/// <summary>The part of a slice that a controller decides.</summary>
internal sealed record SliceDraft(string AddressType, ValueList<SlicePort> Ports, ValueList<SliceEndpoint> Endpoints);

/// <summary>Endpoints that share their address family and their ports.</summary>
internal sealed record SliceGroup(string AddressType, ValueList<SlicePort> Ports, IReadOnlyList<SliceEndpoint> Endpoints);

/// <summary>An existing slice and what it is to become.</summary>
internal readonly record struct SliceUpdate(SliceItem Old, SliceDraft New);

internal sealed record SliceChanges(IReadOnlyList<SliceDraft> Create, IReadOnlyList<SliceUpdate> Update, IReadOnlyList<SliceItem> Delete)
{
    public bool IsEmpty => Create.Count + Update.Count + Delete.Count == 0;
}

/// <summary>
/// Spreads endpoints over slices so that a change writes few of them: an endpoint stays in its slice, slices that are
/// written anyway are filled first, and slices are not repacked for their own sake
/// (Kubernetes documentation: "EndpointSlices", distribution of EndpointSlices).
/// </summary>
internal static class SlicePlacement
{
    /// <param name="existing">The service's slices that this controller manages, without those being deleted.</param>
    /// <param name="isCurrent">Whether a slice's metadata (labels, owner) is as it should be.</param>
    /// <param name="families">Families wanted; one without endpoints keeps one empty slice.</param>
    public static SliceChanges Place(
        IReadOnlyList<SliceGroup> groups, IEnumerable<SliceItem> existing, Func<SliceItem, bool> isCurrent, IReadOnlyCollection<string> families, int max)
    {
        var create = new List<SliceDraft>();
        var update = new List<SliceUpdate>();
        var delete = new List<SliceItem>();
        var byFamily = existing.OrderBy(slice => slice.Key.Name, StringComparer.Ordinal).ToLookup(slice => slice.AddressType);
        foreach (var family in byFamily)
        {
            if (!families.Contains(family.Key)) delete.AddRange(family);
        }
        foreach (var family in families)
        {
            var wanted = groups.Where(group => group.AddressType == family && group.Endpoints.Count > 0).ToList();
            // The empty slice says "nothing there" to readers that would otherwise have to guess from absence.
            if (wanted.Count == 0) wanted.Add(new SliceGroup(family, [], []));
            var changes = PlaceFamily(wanted, byFamily[family], isCurrent, max);
            create.AddRange(changes.Create);
            update.AddRange(changes.Update);
            delete.AddRange(changes.Delete);
        }
        return new SliceChanges(create, update, delete);
    }

    private static SliceChanges PlaceFamily(IReadOnlyList<SliceGroup> groups, IEnumerable<SliceItem> existing, Func<SliceItem, bool> isCurrent, int max)
    {
        var create = new List<SliceDraft>();
        var update = new List<SliceUpdate>();
        var byPorts = existing.ToLookup(slice => PortKey(slice.Ports));
        var keys = groups.Select(group => PortKey(group.Ports)).ToHashSet();
        var delete = byPorts.Where(slices => !keys.Contains(slices.Key)).SelectMany(slices => slices).ToList();
        foreach (var group in groups)
        {
            var work = new GroupPlacement(group, isCurrent, max);
            work.Place(byPorts[PortKey(group.Ports)]);
            create.AddRange(work.Create);
            update.AddRange(work.Update);
            delete.AddRange(work.Delete);
        }
        Recycle(create, update, delete);
        return new SliceChanges(create, update, delete);
    }

    /// <summary>A slice to be deleted becomes one to be created: one write instead of two.</summary>
    private static void Recycle(List<SliceDraft> create, List<SliceUpdate> update, List<SliceItem> delete)
    {
        while (create.Count > 0 && delete.Count > 0)
        {
            update.Add(new SliceUpdate(delete[^1], create[^1]));
            create.RemoveAt(create.Count - 1);
            delete.RemoveAt(delete.Count - 1);
        }
    }

    /// <summary>Ports as a set: their order means nothing.</summary>
    private static ValueList<SlicePort> PortKey(ValueList<SlicePort> ports) =>
        ports.Count < 2 ? ports : [.. ports.OrderBy(port => port.Name, StringComparer.Ordinal).ThenBy(port => port.Protocol, StringComparer.Ordinal).ThenBy(port => port.Port)];
}
