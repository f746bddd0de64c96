using Fairlead.Kube.Client;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Kube.Leases;

/// <summary>
/// Lets one of several processes work, by a Lease with client-go's rules and times: whoever holds it renews every 2 s and stops after 10 s
/// without; another takes it that saw it unchanged for 15 s, or at once where it was released
/// (https://kubernetes.io/docs/concepts/architecture/leases/#leader-election). Clocks of machines are not compared.
/// </summary>
/// <param name="identity">Unlike that of every other process that may live; the same after a restart is welcome, and has its lease back at once.</param>
public sealed class LeaderLease(KubeClient client, ObjectKey lease, string identity, ILogger log, TimeProvider time)
{
    public static readonly TimeSpan Duration = TimeSpan.FromSeconds(15), Deadline = TimeSpan.FromSeconds(10), Every = TimeSpan.FromSeconds(2);
    private string? _seenVersion;
    private long _seenAt;

    /// <summary>
    /// Runs the work whenever this process leads, and cancels it when it does no longer, until cancelled itself; then the lease is released.
    /// What the work throws ends it too.
    /// </summary>
    public async Task RunAsync(Func<CancellationToken, Task> work, CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            if (await TryHoldAsync(cancel)) await LeadAsync(work, cancel);
            await WaitAsync(cancel);
        }
    }

    private async Task LeadAsync(Func<CancellationToken, Task> work, CancellationToken cancel)
    {
        LeaseLog.Leading(log, lease, identity);
        using var leading = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var task = work(leading.Token);
        var isHeld = await HoldAsync(task, cancel);
        await leading.CancelAsync();
        await ((Task)task).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        // Not before the work has ended: the next one begins at once.
        if (isHeld) await ReleaseAsync();
        else LeaseLog.Lost(log, lease, identity, Deadline.TotalSeconds);
        if (!task.IsCanceled) await task;
    }

    /// <summary>Until the work or the whole ends, or the lease is lost: then the answer is false.</summary>
    private async Task<bool> HoldAsync(Task work, CancellationToken cancel)
    {
        var renewed = time.GetTimestamp();
        while (!cancel.IsCancellationRequested && !work.IsCompleted)
        {
            if (time.GetElapsedTime(renewed) >= Deadline) return false;
            await Task.WhenAny(work, WaitAsync(cancel));
            var began = time.GetTimestamp();
            if (!cancel.IsCancellationRequested && !work.IsCompleted && await TryHoldAsync(cancel)) renewed = began;
        }
        return true;
    }

    private Task WaitAsync(CancellationToken cancel) =>
        Task.Delay(Every, time, cancel).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);

    private async Task<bool> TryHoldAsync(CancellationToken cancel)
    {
        using var patience = new CancellationTokenSource(Every, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancel);
        try
        {
            var now = time.GetUtcNow().UtcDateTime;
            if (await client.FindAsync(ApiResources.Leases, lease.Namespace, lease.Name, either.Token) is not { } present)
            {
                await client.CreateAsync(ApiResources.Leases, New(now), either.Token);
                return true;
            }
            if (present.Metadata.ResourceVersion != _seenVersion)
            {
                _seenVersion = present.Metadata.ResourceVersion;
                _seenAt = time.GetTimestamp();
            }
            var holder = present.Spec?.HolderIdentity;
            if (holder != identity && !string.IsNullOrEmpty(holder) && time.GetElapsedTime(_seenAt) < Duration) return false;
            present.Spec ??= new V1LeaseSpec();
            if (holder != identity)
            {
                present.Spec.LeaseTransitions = (present.Spec.LeaseTransitions ?? 0) + 1;
                present.Spec.AcquireTime = now;
            }
            present.Spec.HolderIdentity = identity;
            present.Spec.LeaseDurationSeconds = (int)Duration.TotalSeconds;
            present.Spec.RenewTime = now;
            await client.ReplaceAsync(ApiResources.Leases, present, null, either.Token);
            return true;
        }
        catch (Exception e) when (e is KubeApiException or HttpRequestException or IOException or OperationCanceledException)
        {
            if (!cancel.IsCancellationRequested) LeaseLog.NotHeld(log, lease, identity, e.Message);
            return false;
        }
    }

    /// <summary>As client-go does: nobody holds it, for a second.</summary>
    private async Task ReleaseAsync()
    {
        using var patience = new CancellationTokenSource(Every, time);
        try
        {
            if (await client.FindAsync(ApiResources.Leases, lease.Namespace, lease.Name, patience.Token) is not { } present || present.Spec?.HolderIdentity != identity) return;
            present.Spec.HolderIdentity = "";
            present.Spec.LeaseDurationSeconds = 1;
            present.Spec.RenewTime = time.GetUtcNow().UtcDateTime;
            await client.ReplaceAsync(ApiResources.Leases, present, null, patience.Token);
        }
        catch (Exception e) when (e is KubeApiException or HttpRequestException or IOException or OperationCanceledException)
        {
            // The others wait until it is old.
            LeaseLog.NotReleased(log, lease, identity, e.Message);
        }
    }

    private V1Lease New(DateTime now) => new()
    {
        Metadata = new V1ObjectMeta { Name = lease.Name, NamespaceProperty = lease.Namespace },
        Spec = new V1LeaseSpec { HolderIdentity = identity, AcquireTime = now, RenewTime = now, LeaseDurationSeconds = (int)Duration.TotalSeconds, LeaseTransitions = 0 },
    };
}

internal static partial class LeaseLog
{
    [LoggerMessage(6040, LogLevel.Information, "lease {Lease}: {Identity} leads")]
    public static partial void Leading(ILogger log, ObjectKey lease, string identity);

    [LoggerMessage(6041, LogLevel.Warning, "lease {Lease}: {Identity} leads no longer, it could not renew for {Seconds} s")]
    public static partial void Lost(ILogger log, ObjectKey lease, string identity, double seconds);

    [LoggerMessage(6042, LogLevel.Warning, "lease {Lease}: {Identity} could not take or renew it: {Message}")]
    public static partial void NotHeld(ILogger log, ObjectKey lease, string identity, string message);

    [LoggerMessage(6043, LogLevel.Warning, "lease {Lease}: {Identity} could not release it: {Message}")]
    public static partial void NotReleased(ILogger log, ObjectKey lease, string identity, string message);
}
