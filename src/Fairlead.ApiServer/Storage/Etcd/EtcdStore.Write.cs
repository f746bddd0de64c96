using System.Text;
using Fairlead.Kube.Grpc;

namespace Fairlead.ApiServer.Storage.Etcd;

public sealed partial class EtcdStore
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromMilliseconds(50);

    /// <summary>
    /// One transaction. Where its answer is lost it is sent again, which is safe: it compares the key's revision, so that it is done once at
    /// most. If the second is refused, the changes tell whether the first was done.
    /// </summary>
    public async Task<StoreResult> WriteAsync(StoreWrite write, CancellationToken cancel)
    {
        if (_ending.IsCancellationRequested) throw new StoreException("the store is closed");
        if (Trouble is { } trouble) throw EtcdFailures.Away(trouble);
        using var underWay = _underWay.Add(write);
        var request = Encode(write);
        var began = _time.GetTimestamp();
        var isUnsure = false;
        while (true)
        {
            try
            {
                var answer = EtcdAnswer.ReadWrite(await _members.CallAsync(Transaction, request, _ending));
                return answer.Succeeded ? await ArriveAsync(answer.Revision) : await RefuseAsync(answer, isUnsure ? underWay : null);
            }
            catch (GrpcException e) when (EtcdMembers.IsUnsure(e))
            {
                isUnsure |= !EtcdMembers.IsUnsent(e);
                if (_time.GetElapsedTime(began) >= _options.Patience) throw isUnsure ? EtcdFailures.Unknown(e.Message, e) : EtcdFailures.Away(e.Message, e);
            }
            catch (GrpcException e)
            {
                throw isUnsure ? EtcdFailures.Unknown(e.Message, e) : EtcdFailures.Refused(e);
            }
            catch (OperationCanceledException e)
            {
                throw EtcdFailures.Unknown("this server is ending", e);
            }
            await Task.Delay(RetryAfter, _time, CancellationToken.None);
        }
    }

    private byte[] Encode(StoreWrite write) => EtcdRequests.Write(
        _keys.Of(write.Key), write.Value, write.ExpectedRevision,
        (write.Claims?.Taken ?? []).Select(_keys.OfClaim), (write.Claims?.Released ?? []).Select(_keys.OfClaim), Encoding.UTF8.GetBytes(write.Key),
        write.Turn is { } turn ? (_keys.OfTurn(turn.Name), turn.Known) : null);

    private async Task<StoreResult> ArriveAsync(long revision)
    {
        try
        {
            await _arrivals.WaitAsync(revision).WaitAsync(_options.Patience, _time, _ending);
            return new StoreResult(true, revision);
        }
        catch (TimeoutException e)
        {
            throw EtcdFailures.Unknown($"it was, at revision {revision}, but the watch of this server does not come so far", e);
        }
    }

    /// <param name="doubtful">Not null: an earlier attempt may have been done, and be what this one was refused for.</param>
    private async Task<StoreResult> RefuseAsync(EtcdAnswer answer, WritesUnderWay.Entry? doubtful)
    {
        // The sink is to see why, or whoever tries again would be refused again.
        var age = await CatchUpAsync(_ending);
        if (doubtful is not null)
        {
            if (age > TimeSpan.Zero) throw EtcdFailures.Unknown("the changes since cannot be read");
            if (doubtful.Outcome() is { } revision) return new StoreResult(true, revision);
        }
        return new StoreResult(false, answer.Pairs is [var present] ? present.ModRevision : 0);
    }
}
