using System.Threading.Channels;

namespace Fairlead.ApiServer.Storage;

/// <summary>
/// A store that this process alone writes. One task takes all waiting writes, compares and numbers them, persists them as
/// one group, tells the sink and only then answers: the more clients write, the more writes share one flush to disk.
/// </summary>
public abstract class SingleWriterStore : IStore
{
    private const int LargestGroup = 512;

    private readonly Channel<Pending> _queue = Channel.CreateUnbounded<Pending>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Dictionary<string, long> _revisions = [];
    private IStoreSink? _sink;
    private Task _writer = Task.CompletedTask;
    private long _revision;

    public async Task OpenAsync(IStoreSink sink, CancellationToken cancel)
    {
        _revision = await LoadAsync(
            entry =>
            {
                _revisions[entry.Key] = entry.Revision;
                sink.Found(entry);
            },
            cancel);
        sink.Opened(_revision);
        _sink = sink;
        _writer = Task.Factory.StartNew(WriteGroups, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Never: what is taken is known in this process alone, so nobody asks for <see cref="StoreWrite.Claims"/>.</summary>
    public bool IsShared => false;

    public string? Trouble => null;

    public TimeSpan Age => TimeSpan.Zero;

    public ValueTask<TimeSpan> CatchUpAsync(CancellationToken cancel) => ValueTask.FromResult(TimeSpan.Zero);

    public Task<StoreResult> WriteAsync(StoreWrite write, CancellationToken cancel)
    {
        var pending = new Pending(write);
        return _queue.Writer.TryWrite(pending)
            ? pending.Task
            : Task.FromException<StoreResult>(new StoreException("the store is closed"));
    }

    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _writer;
        await CloseAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>Reads all entries and answers the store's revision.</summary>
    protected abstract Task<long> LoadAsync(Action<StoreEntry> loaded, CancellationToken cancel);

    /// <summary>Makes the group durable, all of it or nothing. Called from one thread only.</summary>
    protected abstract void Persist(IReadOnlyList<StoreEntry> group);

    protected virtual ValueTask CloseAsync() => ValueTask.CompletedTask;

    private void WriteGroups()
    {
        var group = new List<Pending>();
        var reader = _queue.Reader;
        while (reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
        {
            group.Clear();
            while (group.Count < LargestGroup && reader.TryRead(out var pending)) group.Add(pending);
            WriteGroup(group);
        }
    }

    private void WriteGroup(List<Pending> group)
    {
        var accepted = new List<StoreEntry>(group.Count);
        var before = _revision;
        var undo = new List<(string Key, long Revision)>(group.Count);
        foreach (var pending in group) Compare(pending, accepted, undo);
        try
        {
            if (accepted.Count > 0) Persist(accepted);
        }
        catch (Exception e)
        {
            _revision = before;
            for (var i = undo.Count - 1; i >= 0; i--) SetRevision(undo[i].Key, undo[i].Revision);
            var failure = e as StoreException ?? new StoreException($"the store failed to write: {e.Message}", e);
            foreach (var pending in group) pending.SetException(failure);
            return;
        }
        _sink!.Committed(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(accepted));
        foreach (var pending in group) pending.SetResult(pending.Outcome);
    }

    private void Compare(Pending pending, List<StoreEntry> accepted, List<(string Key, long Revision)> undo)
    {
        var write = pending.Write;
        var present = _revisions.GetValueOrDefault(write.Key);
        if (present != write.ExpectedRevision)
        {
            pending.Outcome = new StoreResult(false, present);
            return;
        }
        undo.Add((write.Key, present));
        _revision++;
        SetRevision(write.Key, write.Value is null ? 0 : _revision);
        accepted.Add(new StoreEntry(write.Key, write.Value, _revision));
        pending.Outcome = new StoreResult(true, _revision);
    }

    private void SetRevision(string key, long revision)
    {
        if (revision == 0) _revisions.Remove(key);
        else _revisions[key] = revision;
    }

    private sealed class Pending(StoreWrite write) : TaskCompletionSource<StoreResult>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public StoreWrite Write { get; } = write;
        public StoreResult Outcome { get; set; }
    }
}
