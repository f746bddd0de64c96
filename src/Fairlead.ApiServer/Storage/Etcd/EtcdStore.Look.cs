using Fairlead.Kube.Grpc;

namespace Fairlead.ApiServer.Storage.Etcd;

public sealed partial class EtcdStore
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    /// <summary>For how long a reader waits before it gets what is in memory.</summary>
    private static readonly TimeSpan ReaderPatience = TimeSpan.FromSeconds(2);

    /// <summary>A change of somebody's is here within a millisecond or two; what is not by then has nobody's change behind it.</summary>
    private static readonly TimeSpan ChangePatience = TimeSpan.FromMilliseconds(200);

    private readonly Lock _looks = new();
    private TaskCompletionSource<bool>? _next;
    private bool _isLooking;
    private long _currentAt;
    private string? _away;

    /// <inheritdoc/>
    public string? Trouble => _broken ?? Volatile.Read(ref _away);

    /// <inheritdoc/>
    public async ValueTask<TimeSpan> CatchUpAsync(CancellationToken cancel)
    {
        if (Trouble is not null) return Age;
        try
        {
            return await Look().WaitAsync(ReaderPatience, _time, cancel) ? TimeSpan.Zero : Age;
        }
        catch (TimeoutException)
        {
            return Age;
        }
    }

    /// <inheritdoc/>
    public TimeSpan Age => _time.GetElapsedTime(Volatile.Read(ref _currentAt));

    /// <summary>Finds out that etcd is away, and that it is back, without anybody asking.</summary>
    private async Task LookRegularlyAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            await Look();
            await Task.Delay(LookEvery, _time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>One look begun after this call, shared by all who ask for one meanwhile.</summary>
    private Task<bool> Look()
    {
        lock (_looks)
        {
            _next ??= new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
            if (_isLooking) return _next.Task;
            _isLooking = true;
            var next = _next.Task;
            _ = Task.Run(LookAsync);
            return next;
        }
    }

    private async Task LookAsync()
    {
        while (true)
        {
            TaskCompletionSource<bool> those;
            lock (_looks)
            {
                if (_next is null)
                {
                    _isLooking = false;
                    return;
                }
                (those, _next) = (_next, null);
            }
            those.SetResult(await LookOnceAsync());
        }
    }

    private async Task<bool> LookOnceAsync()
    {
        var began = _time.GetTimestamp();
        try
        {
            var seen = _arrivals.Seen;
            var revision = await NowAsync();
            if (revision < seen) Break($"its revision went back from {seen} to {revision}, as if it had been restored from a backup");
            var arrival = _arrivals.WaitAsync(revision);
            if (!arrival.IsCompleted && !await IsDoneAsync(arrival, ChangePatience))
            {
                // Somebody else's keys move the revision too. A change of our own comes after all that was before it.
                await _members.CallAsync("etcdserverpb.KV/Put", EtcdRequests.Put(_keys.Barrier, []), _ending);
                if (!await IsDoneAsync(arrival, _options.CallTimeout))
                {
                    if (Volatile.Read(ref _watching) is { } watching) await watching.CancelAsync();
                    return Lost("its watch tells nothing");
                }
            }
            Volatile.Write(ref _currentAt, began);
            if (Interlocked.Exchange(ref _away, null) is not null) EtcdLog.Back(_log);
            return _broken is null;
        }
        catch (Exception e) when (e is GrpcException or OperationCanceledException or ObjectDisposedException)
        {
            return Lost(e.Message);
        }
    }

    private async Task<bool> IsDoneAsync(Task task, TimeSpan patience)
    {
        try
        {
            await task.WaitAsync(patience, _time, _ending);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    /// <summary>The revision that the majority has agreed on, asked of each member if need be.</summary>
    private async Task<long> NowAsync()
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return (await RangeAsync(EtcdRequests.Now(_keys.Format), _ending)).Revision;
            }
            catch (GrpcException e) when (EtcdMembers.IsUnsure(e) && attempt <= _members.Count)
            {
                // The next member's turn.
            }
        }
    }

    private bool Lost(string why)
    {
        if (!_ending.IsCancellationRequested && Interlocked.Exchange(ref _away, why) is null) EtcdLog.Away(_log, why);
        return false;
    }

    private void Break(string why)
    {
        if (Interlocked.CompareExchange(ref _broken, why, null) is null) EtcdLog.Broken(_log, why);
    }
}
