using Fairlead.Dns.Zone;
using Fairlead.Kube.Client;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns;

/// <summary>A zone that follows the API server, as long as its options stay the same.</summary>
internal sealed class ZoneRun : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ZoneSync _sync;

    internal ZoneRun(KubeClient client, ZoneOptions options, ILogger log, TimeProvider time)
    {
        Options = options;
        Zone = new ZoneHolder(ZoneSnapshot.Empty(options));
        _sync = new ZoneSync(client, Zone, options, log, time);
        Running = _sync.RunAsync(() => _ready.TrySetResult(), _stop.Token);
    }

    internal ZoneOptions Options { get; }

    internal ZoneHolder Zone { get; }

    /// <summary>Completes when every object that the API server has is in the zone.</summary>
    internal Task Ready => _ready.Task;

    /// <summary>Ends when it is disposed, or fails.</summary>
    internal Task Running { get; }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _sync.Dispose();
        _stop.Dispose();
    }
}
