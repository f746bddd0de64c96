using Fairlead.Dns.Server;
using Fairlead.Dns.Zone;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns;

/// <summary>One configuration's answers, and what runs in their background.</summary>
internal sealed class ServingRun(ZoneHolder zone, ClusterDnsOptions options, ILogger log, TimeProvider time) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;

    internal Serving Serving { get; } = new(zone, options, log, time);

    /// <summary>To be called when questions come in, because servers that lead back here are found by theirs.</summary>
    internal void Start() => _running = Serving.RunAsync(_stop.Token);

    /// <summary>Questions under way are still answered.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Serving.Dispose();
        _stop.Dispose();
    }
}
