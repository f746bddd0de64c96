using System.Text;
using Fairlead.Kube.Grpc;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.ApiServer.Storage.Etcd;

/// <summary>Fills an empty prefix with objects, for a server to begin with. What is unfinished no server takes for a store, and the next attempt clears away.</summary>
internal sealed class EtcdFiller : IDisposable
{
    private const int AtOnce = 64;

    /// <summary>Revisions are made one by one; beyond this it would take minutes.</summary>
    private const long MostToSpend = 500_000;

    private readonly EtcdOptions _options;
    private readonly EtcdKeys _keys;
    private readonly EtcdMembers _members;

    public EtcdFiller(EtcdOptions options, TimeProvider time)
    {
        _options = options;
        _keys = new EtcdKeys(options.Prefix);
        _members = new EtcdMembers(options, NullLogger.Instance, time);
    }

    /// <param name="beyond">
    /// Revisions up to this one have been given out before; etcd, which counts its own, is made to count on until it is beyond, so that no
    /// client takes one of its revisions for one of those.
    /// </param>
    /// <returns>Whether it is beyond: not where it would have to count too far.</returns>
    /// <exception cref="StoreException">There is something already, or etcd cannot be written.</exception>
    public async Task<bool> FillAsync(IReadOnlyList<(StoreEntry Entry, IReadOnlyList<string> Claims)> objects, long beyond, CancellationToken cancel)
    {
        try
        {
            await BeginAsync(cancel);
            var everything = new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel };
            await Parallel.ForEachAsync(objects, everything, async (one, stop) => await PutAsync(one.Entry, one.Claims, stop));
            var missing = beyond - await NowAsync(cancel);
            if (missing is > 0 and <= MostToSpend)
                await Parallel.ForAsync(0, missing, everything, async (_, stop) => await CallAsync("etcdserverpb.KV/Put", EtcdRequests.Put(_keys.Barrier, []), stop));
            await CallAsync("etcdserverpb.KV/Put", EtcdRequests.Put(_keys.Format, EtcdStore.FormatOne), cancel);
            return missing <= MostToSpend;
        }
        catch (GrpcException e)
        {
            throw new StoreException($"etcd at {_members.Names} cannot be written: {e.Message}", e);
        }
    }

    public void Dispose() => _members.Dispose();

    private async Task BeginAsync(CancellationToken cancel)
    {
        var format = EtcdAnswer.ReadRange(await CallAsync("etcdserverpb.KV/Range", EtcdRequests.Range(_keys.Format, null, 0, 0), cancel));
        if (format.Pairs is [var found] && found.Value.AsSpan().SequenceEqual(EtcdStore.FormatUnfinished))
            await CallAsync("etcdserverpb.KV/DeleteRange", EtcdRequests.Range(_keys.First, _keys.End, 0, 0), cancel);
        var present = EtcdAnswer.ReadRange(await CallAsync("etcdserverpb.KV/Range", EtcdRequests.Range(_keys.First, _keys.End, 1, 0), cancel));
        if (present.Pairs.Count > 0)
            throw new StoreException($"{_members.Names} has something under {_options.Prefix} already; name an empty prefix with --etcd-prefix, or clear it: etcdctl del --prefix {_options.Prefix}/");
        await CallAsync("etcdserverpb.KV/Put", EtcdRequests.Put(_keys.Format, EtcdStore.FormatUnfinished), cancel);
    }

    private async Task PutAsync(StoreEntry entry, IReadOnlyList<string> claims, CancellationToken cancel)
    {
        var request = EtcdRequests.Write(_keys.Of(entry.Key), entry.Value, 0, claims.Select(_keys.OfClaim), [], Encoding.UTF8.GetBytes(entry.Key));
        if (!EtcdAnswer.ReadWrite(await CallAsync("etcdserverpb.KV/Txn", request, cancel)).Succeeded)
            throw new StoreException($"{entry.Key} holds what another object of the backup holds too ({string.Join(", ", claims)}), or somebody writes there at the same time");
    }

    private async Task<long> NowAsync(CancellationToken cancel) =>
        EtcdAnswer.ReadRange(await CallAsync("etcdserverpb.KV/Range", EtcdRequests.Now(_keys.Format), cancel)).Revision;

    private Task<byte[]> CallAsync(string method, byte[] request, CancellationToken cancel) => _members.CallAsync(method, request, cancel);
}
