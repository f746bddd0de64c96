namespace Fairlead.ApiServer.Storage;

/// <summary>
/// A key-value store with etcd's semantics: one revision counter over all keys, writes that compare the key's revision
/// first, and a stream of changes in revision order. Keys are Kubernetes' (<c>/registry/pods/default/kubia-x</c>),
/// values are the objects as UTF-8 JSON without their resourceVersion, which is the revision itself.
/// </summary>
public interface IStore : IAsyncDisposable
{
    /// <summary>
    /// Reads everything, then keeps <paramref name="sink"/> told of each later change, in order and one call at a time.
    /// Answers the revision of what was read. Called once, before any write.
    /// </summary>
    /// <exception cref="StoreException">The store cannot be opened; the message says why and what to do.</exception>
    Task<long> OpenAsync(Action<StoreEntry> loaded, IStoreSink sink, CancellationToken cancel);

    /// <summary>Writes durably if the key is at the expected revision. When it answers, the sink has seen the change.</summary>
    /// <exception cref="StoreException">Nothing was written, for example because the disk is full.</exception>
    Task<StoreResult> WriteAsync(StoreWrite write, CancellationToken cancel);
}

/// <summary>Receives committed changes in revision order.</summary>
public interface IStoreSink
{
    void Committed(ReadOnlySpan<StoreEntry> changes);
}

/// <param name="Value">The object; null says that the key was deleted at this revision.</param>
public readonly record struct StoreEntry(string Key, byte[]? Value, long Revision);

/// <param name="Value">The object; null deletes.</param>
/// <param name="ExpectedRevision">The key's present revision; 0: it must not exist.</param>
public readonly record struct StoreWrite(string Key, byte[]? Value, long ExpectedRevision);

/// <param name="Written">False if the key was not at the expected revision.</param>
/// <param name="Revision">Of this write; where it was refused, the key's present one (0: it does not exist).</param>
public readonly record struct StoreResult(bool Written, long Revision);

/// <summary>The store could not do what was asked; the message is fit for a user.</summary>
public sealed class StoreException(string message, Exception? inner = null) : Exception(message, inner);
