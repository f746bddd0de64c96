using System.Threading.Channels;

namespace Fairlead.ApiServer.Watch;

/// <summary>
/// One client's place in the stream of a kind's changes. A client that reads too slowly fills its queue and is cut off,
/// without harm to others; it lists or resumes anew, as every client must be able to.
/// </summary>
internal sealed class Watcher(Selection selection)
{
    private const int Waiting = 4096;

    private readonly Channel<CacheEvent> _queue = Channel.CreateBounded<CacheEvent>(
        new BoundedChannelOptions(Waiting) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });

    /// <summary>Completes when the client is cut off.</summary>
    public ChannelReader<CacheEvent> Events => _queue.Reader;

    /// <summary>Whether it is behind too far.</summary>
    public bool IsCutOff { get; private set; }

    public void Offer(CacheEvent change)
    {
        if (!Concerns(change) || _queue.Writer.TryWrite(change)) return;
        IsCutOff = true;
        _queue.Writer.TryComplete();
    }

    /// <summary>What the client is told: an object that begins to match is ADDED, one that no longer does is DELETED.</summary>
    public (string Type, StoredObject Object) Translate(CacheEvent change)
    {
        var before = change.Old is not null && selection.Matches(change.Old);
        var after = change.New is not null && selection.Matches(change.New);
        if (after) return (before ? "MODIFIED" : "ADDED", change.New!);
        return ("DELETED", change.Deleted ?? change.New!);
    }

    private bool Concerns(CacheEvent change) =>
        (change.Old is not null && selection.Matches(change.Old)) || (change.New is not null && selection.Matches(change.New));
}
