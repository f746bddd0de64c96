using Fairlead.Controllers.Cache;

namespace Fairlead.Controllers.Slices;

/// <summary>Places the endpoints of one group into the slices that have the group's ports.</summary>
internal sealed class GroupPlacement(SliceGroup group, Func<SliceItem, bool> isCurrent, int max)
{
    private readonly List<(SliceItem Slice, List<SliceEndpoint> Kept)> _changed = [];
    private readonly List<SliceItem> _unchanged = [];

    public List<SliceDraft> Create { get; } = [];
    public List<SliceUpdate> Update { get; } = [];
    public List<SliceItem> Delete { get; } = [];

    public void Place(IEnumerable<SliceItem> slices)
    {
        var fresh = new OrderedDictionary<(string, string?), SliceEndpoint>();
        foreach (var endpoint in group.Endpoints) fresh[endpoint.Identity] = endpoint;
        var isEmpty = fresh.Count == 0;
        foreach (var slice in slices) Sort(slice, fresh, isEmpty);
        Fill(fresh);
        foreach (var (slice, kept) in _changed)
            Update.Add(new SliceUpdate(slice, Draft(kept)));
        if (isEmpty && _unchanged.Count + _changed.Count == 0) Create.Add(Draft([]));
    }

    /// <summary>Keeps what the slice has and should have, in its newest state, and takes that out of what is still to be placed.</summary>
    private void Sort(SliceItem slice, OrderedDictionary<(string, string?), SliceEndpoint> fresh, bool isEmpty)
    {
        var kept = new List<SliceEndpoint>(slice.Endpoints.Count);
        foreach (var endpoint in slice.Endpoints)
        {
            if (fresh.Remove(endpoint.Identity, out var now)) kept.Add(now);
        }
        var isFirstEmpty = isEmpty && slice.Endpoints.Count == 0 && _unchanged.Count + _changed.Count == 0;
        if ((kept.Count == 0 && !isFirstEmpty) || kept.Count > max) Delete.Add(slice);
        else if (isCurrent(slice) && slice.Endpoints.Equals([.. kept])) _unchanged.Add(slice);
        else _changed.Add((slice, kept));
        if (kept.Count <= max) return;
        foreach (var endpoint in kept) fresh[endpoint.Identity] = endpoint;
    }

    private void Fill(OrderedDictionary<(string, string?), SliceEndpoint> fresh)
    {
        var left = new Queue<SliceEndpoint>(fresh.Values);
        foreach (var (_, kept) in _changed.OrderByDescending(change => change.Kept.Count))
        {
            while (kept.Count < max && left.Count > 0) kept.Add(left.Dequeue());
        }
        while (left.Count >= max) Create.Add(Draft(Take(left, max)));
        if (left.Count == 0) return;
        // What is left goes into the unchanged slice that it fills best, else into a new one.
        var home = _unchanged.Where(slice => slice.Endpoints.Count + left.Count <= max).MaxBy(slice => slice.Endpoints.Count);
        if (home is null)
        {
            Create.Add(Draft(Take(left, left.Count)));
            return;
        }
        _unchanged.Remove(home);
        _changed.Add((home, [.. home.Endpoints, .. left]));
    }

    private static List<SliceEndpoint> Take(Queue<SliceEndpoint> left, int count)
    {
        var taken = new List<SliceEndpoint>(count);
        while (taken.Count < count) taken.Add(left.Dequeue());
        return taken;
    }

    private SliceDraft Draft(List<SliceEndpoint> endpoints) => new(group.AddressType, group.Ports, [.. endpoints]);
}
