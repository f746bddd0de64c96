using Fairlead.Kube.Queues;
using Microsoft.Extensions.Logging;

namespace Fairlead.Controllers;

/// <summary>Listens to the caches from its construction on, and works once it is run, which is after the caches have synced.</summary>
internal interface IController
{
    Task RunAsync(CancellationToken cancel);
}

/// <summary>A controller that brings one key after the other into its desired state.</summary>
internal abstract class KeyedController<TKey>(string part, int workers, ILogger log, TimeProvider time) : IController, IDisposable
    where TKey : notnull
{
    protected WorkQueue<TKey> Queue { get; } = new(time);

    protected ILogger Logger => log;

    protected abstract Task SyncAsync(TKey key, CancellationToken cancel);

    public virtual Task RunAsync(CancellationToken cancel) => QueueWorkers.RunAsync(part, Queue, SyncAsync, workers, log, cancel);

    public void Dispose() => Queue.Dispose();
}
