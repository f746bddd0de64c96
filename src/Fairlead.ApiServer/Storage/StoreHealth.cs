namespace Fairlead.ApiServer.Storage;

/// <summary>A store that remembers how its latest write went: what health checks tell of it.</summary>
internal sealed class StoreHealth(IStore store) : IStore
{
    private volatile string? _failure;

    /// <summary>Why it cannot be written: what a shared one says of itself; of another why the latest write failed, for nobody asks it. Null: it can.</summary>
    public string? Failure => store.IsShared ? store.Trouble : _failure;

    public bool IsShared => store.IsShared;

    public TimeSpan Age => store.Age;

    public string? Trouble => store.Trouble;

    public ValueTask<TimeSpan> CatchUpAsync(CancellationToken cancel) => store.CatchUpAsync(cancel);

    public Task OpenAsync(IStoreSink sink, CancellationToken cancel) => store.OpenAsync(sink, cancel);

    public async Task<StoreResult> WriteAsync(StoreWrite write, CancellationToken cancel)
    {
        try
        {
            var result = await store.WriteAsync(write, cancel);
            _failure = null;
            return result;
        }
        catch (StoreException e)
        {
            _failure = e.Message;
            throw;
        }
    }

    public ValueTask DisposeAsync() => store.DisposeAsync();
}
