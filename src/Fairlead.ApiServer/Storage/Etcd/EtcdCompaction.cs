using System.Globalization;
using System.Text;
using Fairlead.Kube.Grpc;
using Fairlead.Kube.Protobuf;
using Microsoft.Extensions.Logging;

namespace Fairlead.ApiServer.Storage.Etcd;

/// <summary>
/// Lets etcd forget its history, as kube-apiserver does: every so often one server, whoever first writes the key that all compare, compacts
/// what is older than the last time.
/// </summary>
internal sealed class EtcdCompaction(EtcdMembers members, EtcdKeys keys, ILogger log, TimeProvider time)
{
    private long _version;
    private long _revision;

    public async Task RunAsync(TimeSpan every, CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            await Task.Delay(every, time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (cancel.IsCancellationRequested) return;
            try
            {
                await TryAsync(cancel);
            }
            catch (Exception e) when (e is GrpcException or WireException or OperationCanceledException)
            {
                EtcdLog.NotCompacted(log, e.Message);
            }
        }
    }

    /// <summary>Takes this turn if no other server has, and compacts to where the last turn was.</summary>
    internal async Task TryAsync(CancellationToken cancel)
    {
        var value = Encoding.ASCII.GetBytes(_revision.ToString(CultureInfo.InvariantCulture));
        var answer = EtcdAnswer.ReadWrite(await members.CallAsync("etcdserverpb.KV/Txn", EtcdRequests.PutAtVersion(keys.Compaction, value, _version), cancel));
        var before = _revision;
        _revision = answer.Revision;
        if (!answer.Succeeded)
        {
            _version = answer.Pairs is [var taken] ? taken.Version : 0;
            return;
        }
        _version++;
        if (before == 0) return;
        await members.CallAsync("etcdserverpb.KV/Compact", EtcdRequests.Compact(before), cancel);
        EtcdLog.Compacted(log, before);
    }
}
