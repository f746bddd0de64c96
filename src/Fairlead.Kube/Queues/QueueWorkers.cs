using Fairlead.Kube.Client;
using Microsoft.Extensions.Logging;

namespace Fairlead.Kube.Queues;

/// <summary>The loop of every part: take a key, sync it, and on failure log it with its key and let it come back with back-off.</summary>
public static class QueueWorkers
{
    /// <param name="part">Name in the log, for example <c>replicationcontroller</c>.</param>
    /// <param name="workers">How many keys are worked on at a time.</param>
    public static Task RunAsync<TKey>(
        string part, WorkQueue<TKey> queue, Func<TKey, CancellationToken, Task> sync, int workers, ILogger log, CancellationToken cancel)
        where TKey : notnull =>
        Task.WhenAll(Enumerable.Range(0, workers).Select(_ => Task.Run(() => WorkAsync(part, queue, sync, log, cancel), CancellationToken.None)));

    private static async Task WorkAsync<TKey>(
        string part, WorkQueue<TKey> queue, Func<TKey, CancellationToken, Task> sync, ILogger log, CancellationToken cancel)
        where TKey : notnull
    {
        while (!cancel.IsCancellationRequested)
        {
            TKey key;
            try
            {
                key = await queue.TakeAsync(cancel);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            await SyncAsync(part, queue, key, sync, log, cancel);
        }
    }

    private static async Task SyncAsync<TKey>(
        string part, WorkQueue<TKey> queue, TKey key, Func<TKey, CancellationToken, Task> sync, ILogger log, CancellationToken cancel)
        where TKey : notnull
    {
        try
        {
            await sync(key, cancel);
            queue.Forget(key);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            queue.Forget(key);
        }
        catch (KubeApiException e) when (e.IsConflict)
        {
            QueueLog.Conflict(log, part, key.ToString(), e.Message);
            queue.AddWithBackOff(key);
        }
        catch (Exception e) when (e is KubeApiException or HttpRequestException)
        {
            QueueLog.Refused(log, part, key.ToString(), e.Message);
            queue.AddWithBackOff(key);
        }
        catch (Exception e)
        {
            QueueLog.Failed(log, e, part, key.ToString());
            queue.AddWithBackOff(key);
        }
        finally
        {
            queue.Done(key);
        }
    }
}

internal static partial class QueueLog
{
    [LoggerMessage(6101, LogLevel.Debug, "{Part} {Key}: {Message}; trying again")]
    public static partial void Conflict(ILogger log, string part, string? key, string message);

    [LoggerMessage(6102, LogLevel.Warning, "{Part} {Key}: {Message}; trying again")]
    public static partial void Refused(ILogger log, string part, string? key, string message);

    [LoggerMessage(6103, LogLevel.Error, "{Part} {Key}: unexpected failure; trying again")]
    public static partial void Failed(ILogger log, Exception e, string part, string? key);
}
