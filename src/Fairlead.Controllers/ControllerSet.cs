using Fairlead.Kube.Client;
using Microsoft.Extensions.Logging;

namespace Fairlead.Controllers;

/// <summary>All controllers over one set of caches, as kube-controller-manager and kube-scheduler are together.</summary>
public sealed class ControllerSet(KubeClient client, ControllerOptions options, ILoggerFactory logs, TimeProvider time)
{
    private readonly TaskCompletionSource _synced = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Names by which <see cref="ControllerOptions.Disabled"/> leaves controllers out.</summary>
    public static IReadOnlyCollection<string> Names { get; } = [.. ControllerTable.All.Keys];

    /// <summary>Completes when the caches are filled and the controllers have begun to work.</summary>
    public Task Ready => _synced.Task;

    /// <summary>Runs until cancelled. An API server that is out of reach, now or later, is waited for.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        var log = logs.CreateLogger("Fairlead.Controllers");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var context = new ControllerContext(client, options, logs, time);
        var controllers = ControllerTable.All.Where(row => !options.Disabled.Contains(row.Key)).Select(row => row.Value(context)).ToList();
        var tasks = new List<Task> { context.Caches.RunAsync(stop.Token), context.RunRecordersAsync(stop.Token) };
        try
        {
            var started = time.GetTimestamp();
            await context.Caches.Synced.WaitAsync(stop.Token);
            ControllerSetLog.Synced(log, controllers.Count, time.GetElapsedTime(started).TotalMilliseconds);
            tasks.AddRange(controllers.Select(controller => controller.RunAsync(stop.Token)));
            _synced.TrySetResult();
            // One that ends before it is told to has failed: the others end too, and its exception is the caller's.
            await await Task.WhenAny(tasks);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
        }
        finally
        {
            await stop.CancelAsync();
            _synced.TrySetCanceled(CancellationToken.None);
            await Task.WhenAll(tasks).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            foreach (var controller in controllers.OfType<IDisposable>()) controller.Dispose();
        }
    }
}

internal static partial class ControllerSetLog
{
    [LoggerMessage(3001, LogLevel.Information, "{Count} controllers at work; caches filled in {Milliseconds:F0} ms")]
    public static partial void Synced(ILogger log, int count, double milliseconds);
}
