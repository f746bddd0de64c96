using Fairlead.Controllers.Cache;
using Fairlead.Kube;

namespace Fairlead.Controllers.Slices;

/// <summary>
/// Slices that were written and that the cache does not show yet. Their owner waits for them: planning on an old cache
/// would create the same slice twice.
/// </summary>
internal sealed class OwnWrites(TimeProvider time, Func<ObjectKey, SliceItem?> cached)
{
    /// <summary>A write that never shows (somebody else deleted the slice at once) stops counting after this time.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly Dictionary<ObjectKey, Dictionary<ObjectKey, Write>> _owners = [];

    public void Wrote(ObjectKey slice, ObjectKey owner, long version)
    {
        lock (_lock)
        {
            if (cached(slice) is { } shown && shown.Version >= version) return;
            Put(owner, slice, version);
        }
    }

    public void Deleted(ObjectKey slice, ObjectKey owner)
    {
        lock (_lock)
        {
            if (cached(slice) is not null) Put(owner, slice, long.MaxValue);
        }
    }

    /// <summary>The cache changed: <paramref name="now"/> is null where the slice is gone.</summary>
    public void Observe(ObjectKey slice, ObjectKey owner, SliceItem? now)
    {
        lock (_lock)
        {
            if (!_owners.TryGetValue(owner, out var writes) || !writes.TryGetValue(slice, out var write)) return;
            var isShown = now is null || now.Meta.IsDeleting || now.Version >= write.Version;
            if (!isShown || !writes.Remove(slice) || writes.Count > 0) return;
            _owners.Remove(owner);
        }
    }

    public bool AreShown(ObjectKey owner)
    {
        lock (_lock)
        {
            if (!_owners.TryGetValue(owner, out var writes)) return true;
            if (writes.Values.Any(write => time.GetElapsedTime(write.Since) < Patience)) return false;
            _owners.Remove(owner);
            return true;
        }
    }

    private void Put(ObjectKey owner, ObjectKey slice, long version)
    {
        if (!_owners.TryGetValue(owner, out var writes)) _owners[owner] = writes = [];
        writes[slice] = new Write(version, time.GetTimestamp());
    }

    private readonly record struct Write(long Version, long Since);
}
