using System.Globalization;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Shutdown;

/// <summary>
/// Holds the machine's shutdown up until the node's pods have ended, as kubelet does (Kubernetes documentation: "Node Shutdowns"): an
/// inhibitor lock of logind's from the start, released when the pods have ended or their time is over, and taken anew when the shutdown was
/// called off.
/// </summary>
/// <param name="connect">To logind; fails with an IOException or SocketException where there is none.</param>
/// <param name="node">Is told that a shutdown begins, and that it has been called off.</param>
/// <param name="dropIns">Folder of logind's configuration that a reboot clears.</param>
internal sealed class MachineShutdown(
    ShutdownGrace grace, Func<CancellationToken, Task<ILogind>> connect, INodeShutdown node, ILogger log, TimeProvider time, string dropIns = MachineShutdown.DropIns)
{
    private const string DropIns = "/run/systemd/logind.conf.d";
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(5);
    private string? _told;

    /// <summary>Until cancelled; where there is no logind, it is looked for again and again.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                using var logind = await connect(cancel);
                await FollowAsync(logind, cancel);
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is IOException or SocketException or UnauthorizedAccessException)
            {
                // The same again and again says nothing new.
                if (_told != e.Message) ShutdownLog.Unavailable(log, e.Message);
                _told = e.Message;
            }
            await Task.Delay(Retry, time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task FollowAsync(ILogind logind, CancellationToken cancel)
    {
        await AllowDelayAsync(logind, cancel);
        var held = await logind.InhibitAsync(cancel);
        ShutdownLog.Held(log, grace.Total.TotalSeconds);
        _told = null;
        var ending = Task.CompletedTask;
        CancellationTokenSource? calledOff = null;
        try
        {
            await foreach (var begins in logind.ShutdownsAsync(cancel))
            {
                if (begins == calledOff is not null) continue;
                if (begins)
                {
                    calledOff = CancellationTokenSource.CreateLinkedTokenSource(cancel);
                    ending = EndAsync(held, calledOff.Token);
                    continue;
                }
                await calledOff!.CancelAsync();
                await ending;
                (calledOff, var last) = (null, calledOff);
                last!.Dispose();
                node.Resume();
                ShutdownLog.CalledOff(log);
                held = await logind.InhibitAsync(cancel);
            }
        }
        finally
        {
            // Also where the bus ends before the pods: their time goes on.
            await ending;
            calledOff?.Dispose();
            held.Dispose();
        }
    }

    private async Task EndAsync(IDisposable held, CancellationToken cancel)
    {
        var began = time.GetTimestamp();
        ShutdownLog.Begins(log);
        try
        {
            await node.EndPodsAsync(grace, cancel);
            ShutdownLog.Ended(log, time.GetElapsedTime(began).TotalSeconds);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // Called off, or the agent itself is stopped.
        }
        finally
        {
            held.Dispose();
        }
    }

    /// <summary>Of itself logind waits 5 s; for the time to be longer its configuration must say so.</summary>
    private async Task AllowDelayAsync(ILogind logind, CancellationToken cancel)
    {
        if (await logind.LongestDelayAsync(cancel) >= grace.Total) return;
        Directory.CreateDirectory(dropIns);
        var seconds = Math.Ceiling(grace.Total.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        await File.WriteAllTextAsync($"{dropIns}/99-fairlead.conf", $"# The time of pods at a shutdown, --shutdown-grace-period of fairlead.\n[Login]\nInhibitDelayMaxSec={seconds}\n", cancel);
        await logind.ReloadAsync(cancel);
        // The signal that makes it read its configuration is on its way to it while it answers.
        for (var looks = 0; looks < 20; looks++)
        {
            if (await logind.LongestDelayAsync(cancel) >= grace.Total) return;
            await Task.Delay(TimeSpan.FromMilliseconds(100), time, cancel);
        }
        ShutdownLog.TooShort(log, (await logind.LongestDelayAsync(cancel)).TotalSeconds, grace.Total.TotalSeconds);
    }
}

/// <summary>The node, as its machine's shutdown concerns it.</summary>
internal interface INodeShutdown
{
    /// <summary>The node takes no pods any more and says so; its pods end in order. Cancelled, those that have not been asked to end go on.</summary>
    Task EndPodsAsync(ShutdownGrace grace, CancellationToken cancel);

    /// <summary>There is no shutdown after all.</summary>
    void Resume();
}
