using System.Runtime.InteropServices;
using Fairlead.Kube.Grpc;
using Fairlead.Kube.Protobuf;

namespace Fairlead.ApiServer.Storage.Etcd;

public sealed partial class EtcdStore
{
    private const string Watch = "etcdserverpb.Watch/Watch";
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    /// <summary>What the sink has of each object; the watch's alone.</summary>
    private readonly Dictionary<string, long> _revisions = [];
    private CancellationTokenSource? _watching;

    /// <summary>Keeps one watch of the whole prefix, opened again from where it was lost, until cancelled.</summary>
    private async Task FollowAsync(CancellationToken cancel)
    {
        var pause = RetryAfter;
        while (!cancel.IsCancellationRequested && _broken is null)
        {
            var (stream, stop, member) = _members.Open(Watch, cancel);
            Volatile.Write(ref _watching, stop);
            var seen = _arrivals.Seen;
            try
            {
                using (stop) await using (stream) await ReadNewsAsync(stream, stop.Token);
            }
            catch (OperationCanceledException)
            {
                // The member was left, or the server ends.
            }
            catch (Exception e) when (e is GrpcException or WireException or StoreException or ObjectDisposedException)
            {
                EtcdLog.WatchLost(_log, e.Message, _arrivals.Seen);
                _members.Leave(member, e.Message);
            }
            catch (Exception e)
            {
                Break($"a change after revision {_arrivals.Seen} could not be taken in: {e.Message}");
            }
            pause = _arrivals.Seen > seen ? RetryAfter : pause + pause < LongestPause ? pause + pause : LongestPause;
            await Task.Delay(pause, _time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ReadNewsAsync(GrpcStream stream, CancellationToken cancel)
    {
        await stream.WriteAsync(EtcdRequests.Watch(_keys.First, _keys.End, _arrivals.Seen + 1), cancel);
        while (await stream.ReadAsync(cancel) is { } message)
        {
            var news = EtcdNews.Read(message);
            if (news.CompactRevision > 0)
            {
                EtcdLog.Reloading(_log, news.CompactRevision);
                await ReloadAsync(cancel);
                return;
            }
            if (news.Canceled) throw new GrpcException(GrpcCode.Unavailable, news.Reason);
            if (news.Changes.Count > 0) Take(news.Changes);
            // Nothing but the word that all up to here has been told.
            else if (!news.Created) _arrivals.Advance(news.Revision);
        }
    }

    private void Take(IReadOnlyList<(EtcdPair Pair, bool Deleted)> changes)
    {
        var entries = new List<StoreEntry>(changes.Count);
        foreach (var (pair, deleted) in changes)
        {
            if (_keys.ObjectOf(pair.Key) is { } key) entries.Add(new StoreEntry(key, deleted ? null : pair.Value, pair.ModRevision));
        }
        Tell(entries);
        _arrivals.Advance(changes[^1].Pair.ModRevision);
    }

    private void Tell(List<StoreEntry> entries)
    {
        if (entries.Count == 0) return;
        foreach (var entry in entries)
        {
            if (entry.Value is null) _revisions.Remove(entry.Key);
            else _revisions[entry.Key] = entry.Revision;
        }
        _sink!.Committed(CollectionsMarshal.AsSpan(entries));
        foreach (var entry in entries) _underWay.Observe(entry);
    }

    /// <summary>Reads everything and tells the sink how it differs from what it has, as if it had happened in order of the revisions.</summary>
    private async Task ReloadAsync(CancellationToken cancel)
    {
        var changes = new List<StoreEntry>();
        var gone = new HashSet<string>(_revisions.Keys);
        var (pairs, revision) = await ReadAllAsync(cancel);
        foreach (var pair in pairs)
        {
            if (_keys.ObjectOf(pair.Key) is not { } key) continue;
            gone.Remove(key);
            var known = _revisions.GetValueOrDefault(key);
            if (known == pair.ModRevision) continue;
            // Another object of the same name: that the first went must be told too.
            if (known > 0 && pair.CreateRevision > known) changes.Add(new StoreEntry(key, null, pair.CreateRevision - 1));
            changes.Add(new StoreEntry(key, pair.Value, pair.ModRevision));
        }
        changes.AddRange(gone.Select(key => new StoreEntry(key, null, revision)));
        _underWay.Forget();
        Tell([.. changes.OrderBy(change => change.Revision)]);
        _arrivals.Advance(revision);
    }
}
