using System.Text;
using Fairlead.Kube.Grpc;
using Microsoft.Extensions.Logging;

namespace Fairlead.ApiServer.Storage.Etcd;

/// <summary>
/// Objects in an etcd cluster, which several servers share. Revisions are etcd's own. Writes are transactions, many under way at once; all
/// changes, one's own too, come back by one watch and go to the sink in its order (docs/decisions/0011).
/// </summary>
public sealed partial class EtcdStore : IStore
{
    private const string Range = "etcdserverpb.KV/Range";
    private const string Transaction = "etcdserverpb.KV/Txn";
    internal static readonly byte[] FormatOne = "1"u8.ToArray();

    /// <summary>A restore has not come to its end.</summary>
    internal static readonly byte[] FormatUnfinished = "unfinished"u8.ToArray();

    private readonly EtcdOptions _options;
    private readonly EtcdKeys _keys;
    private readonly EtcdMembers _members;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly Arrivals _arrivals = new();
    private readonly WritesUnderWay _underWay = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationToken _ending;
    private readonly List<Task> _work = [];
    private IStoreSink? _sink;
    private string? _broken;

    /// <exception cref="StoreException">A certificate file cannot be used.</exception>
    public EtcdStore(EtcdOptions options, ILoggerFactory logs, TimeProvider time)
    {
        _options = options;
        _keys = new EtcdKeys(options.Prefix);
        _log = logs.CreateLogger("store");
        _time = time;
        _ending = _stop.Token;
        _members = new EtcdMembers(options, _log, time);
        _currentAt = time.GetTimestamp();
    }

    public bool IsShared => true;

    /// <summary>Claims as they were when the store was opened: name and owner.</summary>
    public IReadOnlyDictionary<string, string> ClaimsAtOpening { get; private set; } = new Dictionary<string, string>();

    public async Task OpenAsync(IStoreSink sink, CancellationToken cancel)
    {
        await EnsureFormatAsync(cancel);
        var claims = new List<EtcdPair>();
        // Told of as a whole: an attempt that breaks off in the middle has told nothing.
        var (pairs, revision) = await AskAsync(() => ReadAllAsync(cancel), cancel);
        foreach (var pair in pairs)
        {
            if (_keys.ObjectOf(pair.Key) is { } key)
            {
                _revisions[key] = pair.ModRevision;
                sink.Found(new StoreEntry(key, pair.Value, pair.ModRevision));
            }
            else if (_keys.ClaimOf(pair.Key) is not null) claims.Add(pair);
        }
        ClaimsAtOpening = claims.ToDictionary(claim => _keys.ClaimOf(claim.Key)!, claim => Encoding.UTF8.GetString(claim.Value));
        foreach (var claim in claims) await DropIfOrphanedAsync(claim, cancel);
        sink.Opened(revision);
        _sink = sink;
        _arrivals.Advance(revision);
        _currentAt = _time.GetTimestamp();
        _work.Add(FollowAsync(_ending));
        _work.Add(LookRegularlyAsync(_ending));
        if (_options.CompactEvery is { } every) _work.Add(new EtcdCompaction(_members, _keys, _log, _time).RunAsync(every, _ending));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_work);
        _members.Dispose();
        _stop.Dispose();
    }

    /// <summary>Other programs' keys are not ours to read, and above all not to overwrite.</summary>
    private async Task EnsureFormatAsync(CancellationToken cancel)
    {
        // In this order: a server that starts beside this one writes the format first.
        var any = await AskAsync(() => RangeAsync(EtcdRequests.Range(_keys.First, _keys.End, 1, 0), cancel), cancel);
        var format = await AskAsync(() => RangeAsync(EtcdRequests.Range(_keys.Format, null, 0, 0), cancel), cancel);
        if (format.Pairs is [var found])
        {
            if (found.Value.AsSpan().SequenceEqual(FormatOne)) return;
            if (found.Value.AsSpan().SequenceEqual(FormatUnfinished))
                throw new StoreException($"a restore into {_options.Prefix} of {_members.Names} has not come to its end; run `fairlead restore` again");
            throw new StoreException($"what {_members.Names} keeps under {_options.Prefix} is of a newer version; update this server");
        }
        if (any.Pairs.Count > 0)
            throw new StoreException($"{_members.Names} keeps something of another program under {_options.Prefix}; name another prefix with --etcd-prefix, or another etcd");
        await AskAsync(() => _members.CallAsync(Transaction, EtcdRequests.PutAtVersion(_keys.Format, FormatOne, 0), cancel), cancel);
    }

    /// <summary>No transaction of a server leaves a claim without its object; who deletes keys by hand does.</summary>
    private async Task DropIfOrphanedAsync(EtcdPair claim, CancellationToken cancel)
    {
        var owner = Encoding.UTF8.GetString(claim.Value);
        if (_revisions.ContainsKey(owner) || !owner.StartsWith(EtcdKeys.Registry, StringComparison.Ordinal)) return;
        EtcdLog.Orphaned(_log, claim.Key, owner);
        var request = EtcdRequests.DropClaim(Encoding.UTF8.GetBytes(claim.Key), claim.ModRevision, _keys.Of(owner));
        await AskAsync(() => _members.CallAsync(Transaction, request, cancel), cancel);
    }

    /// <summary>Reads page by page, as of one revision, which it answers.</summary>
    private async Task<(List<EtcdPair> Pairs, long Revision)> ReadAllAsync(CancellationToken cancel)
    {
        const int MostPairs = 500;
        var all = new List<EtcdPair>();
        var (from, revision, limit) = (_keys.First, 0L, MostPairs);
        while (true)
        {
            EtcdAnswer page;
            try
            {
                page = await RangeAsync(EtcdRequests.Range(from, _keys.End, limit, revision), cancel);
            }
            catch (GrpcException e) when (e.Code is GrpcCode.Internal && limit > 1)
            {
                // Too much for one message: these objects are large.
                limit = Math.Max(1, limit / 8);
                continue;
            }
            if (revision == 0) revision = page.Revision;
            all.AddRange(page.Pairs);
            if (!page.More) return (all, revision);
            from = Encoding.UTF8.GetBytes(page.Pairs[^1].Key + "\0");
        }
    }

    private async Task<EtcdAnswer> RangeAsync(byte[] request, CancellationToken cancel) =>
        EtcdAnswer.ReadRange(await _members.CallAsync(Range, request, cancel));

    /// <summary>Asks until a member answers, for as long as writes are tried; only for what may be done twice.</summary>
    private async Task<T> AskAsync<T>(Func<Task<T>> ask, CancellationToken cancel)
    {
        var began = _time.GetTimestamp();
        while (true)
        {
            try
            {
                return await ask();
            }
            catch (GrpcException e) when (EtcdMembers.IsUnsure(e) && _time.GetElapsedTime(began) < _options.Patience)
            {
                await Task.Delay(RetryAfter, _time, cancel);
            }
            catch (GrpcException e)
            {
                throw new StoreException($"etcd at {_members.Names} cannot be used: {e.Message}", e, StoreTrouble.Away);
            }
        }
    }
}
