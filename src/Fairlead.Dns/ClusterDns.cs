using System.Net;
using System.Net.Sockets;
using Fairlead.Dns.Health;
using Fairlead.Dns.Server;
using Fairlead.Kube.Client;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns;

/// <summary>
/// The cluster's DNS: names of Services, endpoints and pods from the API
/// (https://github.com/kubernetes/dns/blob/master/docs/specification.md), everything else from other servers.
/// </summary>
#pragma warning disable CA1001 // RunAsync makes what it disposes of, and the semaphore holds nothing of the system's.
public sealed class ClusterDns(KubeClient client, ClusterDnsOptions options, ILoggerFactory logs, TimeProvider time)
{
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ILogger _log = logs.CreateLogger<ClusterDns>();
    private readonly SemaphoreSlim _changing = new(1);
    private ClusterDnsOptions _options = options;
    private ZoneRun? _zone;
    private ServingRun? _serving;
    private ServingHolder? _holder;

    /// <summary>Completes when every object that the API server has is answered for.</summary>
    public Task Ready => _ready.Task;

    /// <summary>Readiness and counts, for <see cref="DnsHealthServer"/>.</summary>
    public DnsStatus Status { get; } = new();

    /// <summary>Where it listens, once it does.</summary>
    public IReadOnlyList<IPEndPoint> Addresses { get; private set; } = [];

    /// <summary>Listens until cancelled. Until <see cref="Ready"/>, the cluster's own names are answered with SERVFAIL.</summary>
    /// <exception cref="IOException">An address cannot be listened at.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        _zone = new ZoneRun(client, _options.Zone, _log, time);
        _serving = new ServingRun(_zone.Zone, _options, _log, time);
        _holder = new ServingHolder(_serving.Serving);
        Status.Serving = _holder;
        using var stop = new CancellationTokenSource();
        var contact = new ApiContact(client, Status, () => _options.ApiPatience, _log, time);
        Task following = Task.CompletedTask;
        try
        {
            await using var listeners = new Listeners(new QueryHandlers(_holder, Status, _log, time), _log, time);
            Open(listeners);
            Addresses = listeners.Addresses;
            _serving.Start();
            following = Task.WhenAll(SetReadyAsync(_zone.Ready, stop.Token), contact.RunAsync(stop.Token));
            await UntilStoppedAsync(cancellationToken);
            if (_options.Lameduck > TimeSpan.Zero && cancellationToken.IsCancellationRequested)
            {
                Status.SetStopping();
                await Task.Delay(_options.Lameduck, time, CancellationToken.None);
            }
        }
        finally
        {
            await stop.CancelAsync();
            await following.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await _changing.WaitAsync(CancellationToken.None);
            await _serving.DisposeAsync();
            await _zone.DisposeAsync();
        }
    }

    /// <summary>Goes on with other settings; where it listens stays as it was. A zone with other options is followed first, and answers once it is complete.</summary>
    public async Task ApplyAsync(ClusterDnsOptions next, CancellationToken cancellationToken)
    {
        await _changing.WaitAsync(cancellationToken);
        try
        {
            ZoneRun before = _zone ?? throw new InvalidOperationException("The server does not run.");
            ZoneRun zone = before.Options == next.Zone ? before : new ZoneRun(client, next.Zone, _log, time);
            try
            {
                await zone.Ready.WaitAsync(cancellationToken);
            }
            catch (OperationCanceledException) when (zone != before)
            {
                await zone.DisposeAsync();
                throw;
            }
            ServingRun old = _serving!;
            _serving = new ServingRun(zone.Zone, next, _log, time);
            (_options, _zone) = (next, zone);
            _holder!.Current = _serving.Serving;
            _serving.Start();
            await old.DisposeAsync();
            if (zone != before)
            {
                await before.DisposeAsync();
            }
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>Until asked to stop, or the zone's following fails; a zone that was replaced has ended and not failed.</summary>
    private async Task UntilStoppedAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            ZoneRun zone = _zone!;
            await zone.Running.WaitAsync(cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (zone.Running.IsFaulted)
            {
                await zone.Running;
            }
            if (zone == _zone && !cancel.IsCancellationRequested)
            {
                throw new InvalidOperationException("The API server is not followed any more.");
            }
        }
    }

    private async Task SetReadyAsync(Task complete, CancellationToken cancel)
    {
        await complete.WaitAsync(cancel);
        Status.SetReady();
        _ready.TrySetResult();
    }

    private void Open(Listeners listeners)
    {
        int workers = _options.Workers > 0 ? _options.Workers : Environment.ProcessorCount;
        foreach (IPEndPoint address in _options.Listen)
        {
            try
            {
                listeners.Open(address, workers);
            }
            catch (SocketException e)
            {
                throw new IOException($"cannot listen at {address}: {e.Message}", e);
            }
        }
    }
}
#pragma warning restore CA1001
