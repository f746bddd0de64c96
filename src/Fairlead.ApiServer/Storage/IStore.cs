namespace Fairlead.ApiServer.Storage;

/// <summary>
/// A key-value store with etcd's semantics: one revision counter over all keys, writes that compare the key's revision
/// first, and a stream of changes in revision order. Keys are Kubernetes' (<c>/registry/pods/default/kubia-x</c>),
/// values are the objects as UTF-8 JSON without their resourceVersion, which is the revision itself.
/// </summary>
public interface IStore : IAsyncDisposable
{
    /// <summary>
    /// Tells <paramref name="sink"/> of everything that there is, then of each later change, in order and one call at a time. Called once,
    /// before any write.
    /// </summary>
    /// <exception cref="StoreException">The store cannot be opened; the message says why and what to do.</exception>
    Task OpenAsync(IStoreSink sink, CancellationToken cancel);

    /// <summary>
    /// Writes durably if the key is at the expected revision. When it answers, the sink has seen the change; where it refuses, the
    /// sink has seen what it was refused for.
    /// </summary>
    /// <exception cref="StoreException">Nothing was written, or nobody knows: <see cref="StoreException.Trouble"/> says which.</exception>
    Task<StoreResult> WriteAsync(StoreWrite write, CancellationToken cancel);

    /// <summary>Whether other processes write to it too, so that the sink may lag behind and <see cref="StoreWrite.Claims"/> count.</summary>
    bool IsShared { get; }

    /// <summary>
    /// Waits until the sink has seen all that anybody was told of as written before this call. Answers zero then; where the store cannot be
    /// asked, how long ago that last was so.
    /// </summary>
    ValueTask<TimeSpan> CatchUpAsync(CancellationToken cancel);

    /// <summary>For how long it has not been certain that the sink has everything.</summary>
    TimeSpan Age { get; }

    /// <summary>Why the store cannot be written just now; null: it can.</summary>
    string? Trouble { get; }
}

/// <summary>Receives what a store holds, and then committed changes in revision order.</summary>
public interface IStoreSink
{
    /// <summary>Of what there was when the store was opened; in no order.</summary>
    void Found(StoreEntry entry);

    /// <summary>That was all, as of this revision. Comes once, before any change.</summary>
    void Opened(long revision);

    void Committed(ReadOnlySpan<StoreEntry> changes);
}

/// <param name="Value">The object; null says that the key was deleted at this revision.</param>
public readonly record struct StoreEntry(string Key, byte[]? Value, long Revision);

/// <param name="Value">The object; null deletes.</param>
/// <param name="ExpectedRevision">The key's present revision; 0: it must not exist.</param>
public readonly record struct StoreWrite(string Key, byte[]? Value, long ExpectedRevision)
{
    /// <summary>What the write takes and gives back of what the cluster has once; null: nothing. It counts in a shared store.</summary>
    public Claims? Claims { get; init; }

    /// <summary>What no other write may have come between; null: anything may. It counts in a shared store.</summary>
    public Turn? Turn { get; init; }
}

/// <summary>
/// A write that rests on a sum over other objects, such as a quota's, is done only where no other of the same name has been since
/// the revision whose objects were summed up.
/// </summary>
/// <param name="Known">The revision that its writer had seen.</param>
public sealed record Turn(string Name, long Known);

/// <summary>
/// Names of things that one object can have at a time, such as <c>clusterips/10.96.0.17</c>. A write that takes one which another
/// object has is refused as a whole; those that it gives back are free with it.
/// </summary>
/// <param name="Taken">Of none of which the object has had before.</param>
/// <param name="Released">All of which the object has had before.</param>
public sealed record Claims(IReadOnlyList<string> Taken, IReadOnlyList<string> Released);

/// <param name="Written">False if the key was not at the expected revision.</param>
/// <param name="Revision">Of this write; where it was refused, the key's present one (0: it does not exist).</param>
public readonly record struct StoreResult(bool Written, long Revision);

/// <summary>What is known of a write that failed.</summary>
public enum StoreTrouble
{
    /// <summary>Nothing was written, and the same request will meet the same refusal until somebody looks after the store.</summary>
    Refused,
    /// <summary>Nothing was written; the store cannot be reached just now.</summary>
    Away,
    /// <summary>It may have been written or still be.</summary>
    Unknown,
}

/// <summary>The store could not do what was asked; the message is fit for a user.</summary>
public sealed class StoreException(string message, Exception? inner = null, StoreTrouble trouble = StoreTrouble.Refused) : Exception(message, inner)
{
    public StoreTrouble Trouble => trouble;
}
