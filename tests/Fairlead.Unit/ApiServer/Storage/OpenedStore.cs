using System.Text;
using Fairlead.ApiServer.Storage;

namespace Fairlead.Unit.ApiServer.Storage;

/// <summary>A store with its sink, which remembers what it was told.</summary>
internal sealed class OpenedStore : IStoreSink, IAsyncDisposable
{
    private readonly IStore _store;
    private readonly Lock _lock = new();
    private readonly List<StoreEntry> _told = [];

    private OpenedStore(IStore store) => _store = store;

    /// <summary>What was there, as KEY=VALUE.</summary>
    public List<string> Found { get; } = [];

    public long Revision { get; private set; }

    /// <summary>Changes so far, in the order in which they came.</summary>
    public IReadOnlyList<StoreEntry> Told
    {
        get
        {
            lock (_lock) return [.. _told];
        }
    }

    public static async Task<OpenedStore> Of(IStore store)
    {
        var opened = new OpenedStore(store);
        await store.OpenAsync(opened, default);
        return opened;
    }

    public Task<StoreResult> PutAsync(string key, string value, long expected, params string[] claims) => _store.WriteAsync(
        new StoreWrite(key, Encoding.UTF8.GetBytes(value), expected) { Claims = claims.Length == 0 ? null : new Claims(claims, []) }, default);

    public Task<StoreResult> DeleteAsync(string key, long expected, params string[] claims) =>
        _store.WriteAsync(new StoreWrite(key, null, expected) { Claims = claims.Length == 0 ? null : new Claims([], claims) }, default);

    /// <summary>The keys and last values that follow from what was found and told.</summary>
    public SortedDictionary<string, string> State()
    {
        var state = new SortedDictionary<string, string>(Found.ToDictionary(found => found.Split('=')[0], found => found.Split('=')[1]), StringComparer.Ordinal);
        foreach (var change in Told)
        {
            if (change.Value is null) state.Remove(change.Key);
            else state[change.Key] = Encoding.UTF8.GetString(change.Value);
        }
        return state;
    }

    public ValueTask DisposeAsync() => _store.DisposeAsync();

    void IStoreSink.Found(StoreEntry entry) => Found.Add($"{entry.Key}={Encoding.UTF8.GetString(entry.Value!)}");

    void IStoreSink.Opened(long revision) => Revision = revision;

    void IStoreSink.Committed(ReadOnlySpan<StoreEntry> changes)
    {
        lock (_lock) _told.AddRange(changes);
    }
}
