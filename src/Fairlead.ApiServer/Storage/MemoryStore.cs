namespace Fairlead.ApiServer.Storage;

/// <summary>Keeps nothing: a cluster for a test.</summary>
public sealed class MemoryStore : SingleWriterStore
{
    protected override Task<long> LoadAsync(Action<StoreEntry> loaded, CancellationToken cancel) => Task.FromResult(1L);

    protected override void Persist(IReadOnlyList<StoreEntry> group)
    {
    }
}
