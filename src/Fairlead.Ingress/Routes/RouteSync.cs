using Fairlead.Ingress.Routes.Objects;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Queues;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Ingress.Routes;

internal enum ChangedKind
{
    Ingress,
    Class,
    Service,
    Slice,
    Secret,

    /// <summary>Time to forget backends that nobody uses.</summary>
    Sweep,
}

internal readonly record struct Changed(ChangedKind Kind, ObjectKey Key);

/// <summary>Keeps the snapshot equal to what the API says: events enqueue keys, one worker builds the next snapshot from all that wait.</summary>
internal sealed class RouteSync : IDisposable
{
    private static readonly TimeSpan SweepAfter = TimeSpan.FromSeconds(30);
    private readonly RouteTableBuilder _builder;
    private readonly SnapshotHolder _holder;
    private readonly ILogger _log;
    private readonly WorkQueue<Changed> _queue;
    private readonly Dictionary<ObjectKey, SliceInfo> _known = [];
    private readonly Informer<V1Service, ServiceInfo> _services;
    private readonly Informer<V1EndpointSlice, SliceInfo> _slices;
    private readonly Informer<V1Secret, SecretInfo> _secrets;
    private readonly Informer<V1IngressClass, IngressClassInfo> _classes;
    private bool _isComplete;

    internal RouteSync(KubeClient client, RouteTableBuilder builder, SnapshotHolder holder, ILogger log, TimeProvider time)
    {
        (_builder, _holder, _log) = (builder, holder, log);
        _queue = new WorkQueue<Changed>(time);
        Ingresses = new(client, ApiResources.Ingresses, IngressInfo.From, log, time);
        _classes = new(client, ApiResources.IngressClasses, IngressClassInfo.From, log, time);
        _services = new(client, ApiResources.Services, ServiceInfo.From, log, time);
        _slices = new(client, ApiResources.EndpointSlices, SliceInfo.From, log, time);
        _secrets = new(client, ApiResources.Secrets, SecretInfo.From, log, time);
        Ingresses.Changed += change => _queue.Add(new Changed(ChangedKind.Ingress, change.Key));
        _classes.Changed += change => _queue.Add(new Changed(ChangedKind.Class, change.Key));
        _services.Changed += change => _queue.Add(new Changed(ChangedKind.Service, change.Key));
        _slices.Changed += change => _queue.Add(new Changed(ChangedKind.Slice, change.Key));
        _secrets.Changed += change => _queue.Add(new Changed(ChangedKind.Secret, change.Key));
    }

    internal Informer<V1Ingress, IngressInfo> Ingresses { get; }

    /// <summary>Swaps so far.</summary>
    internal long Swaps { get; private set; }

    /// <param name="committed">Called after each swap, from the one worker: what is new, and whether the first lists are all in.</param>
    internal async Task RunAsync(Action<IReadOnlyList<NewProblem>> committed, CancellationToken cancel)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Task[] tasks =
        [
            Ingresses.RunAsync(stop.Token), _classes.RunAsync(stop.Token), _services.RunAsync(stop.Token), _slices.RunAsync(stop.Token),
            _secrets.RunAsync(stop.Token), WorkAsync(committed, stop.Token),
        ];
        try
        {
            // Each runs until it is cancelled; one that fails ends the others.
            await await Task.WhenAny(tasks);
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(tasks).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public void Dispose() => _queue.Dispose();

    private async Task WorkAsync(Action<IReadOnlyList<NewProblem>> committed, CancellationToken cancel)
    {
        try
        {
            await Task.WhenAll(Ingresses.Synced, _classes.Synced, _services.Synced, _slices.Synced, _secrets.Synced).WaitAsync(cancel);
            while (true)
            {
                if (_queue.Count == 0 && !_isComplete)
                {
                    _isComplete = true;
                    Commit(committed);
                    RouteLog.Synced(_log, _builder.IngressCount, _holder.Current.Routes.HostCount);
                }
                var keys = new List<Changed> { await _queue.TakeAsync(cancel) };
                while (_queue.Count > 0) keys.Add(await _queue.TakeAsync(cancel));
                foreach (var key in keys) Apply(key);
                // Nothing is served before all that was there at the start is known: a table of half the truth answers 404 for the other half.
                if (_isComplete) Commit(committed);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // Asked to stop.
        }
    }

    private void Commit(Action<IReadOnlyList<NewProblem>> committed)
    {
        var (snapshot, problems) = _builder.Commit();
        if (!ReferenceEquals(snapshot, _holder.Current))
        {
            _holder.Current = snapshot;
            Swaps++;
            _queue.AddAfter(new Changed(ChangedKind.Sweep, default), SweepAfter);
        }
        committed(problems);
    }

    private void Apply(Changed changed)
    {
#pragma warning disable CA1031 // The one ladder of a key: it comes back, the process lives.
        try
        {
            Read(changed);
            _queue.Forget(changed);
        }
        catch (Exception failure)
        {
            RouteLog.SyncFailed(_log, failure, changed.Key.ToString());
            _queue.AddWithBackOff(changed);
        }
        finally
        {
            _queue.Done(changed);
        }
#pragma warning restore CA1031
    }

    private void Read(Changed changed)
    {
        var key = changed.Key;
        switch (changed.Kind)
        {
            case ChangedKind.Ingress:
                _builder.SetIngress(key, Ingresses.Items.GetValueOrDefault(key));
                break;
            case ChangedKind.Class:
                _builder.SetClass(key.Name, _classes.Items.GetValueOrDefault(key));
                break;
            case ChangedKind.Service:
                _builder.SetService(key, _services.Items.GetValueOrDefault(key));
                break;
            case ChangedKind.Secret:
                _builder.SetSecret(key, _secrets.Items.GetValueOrDefault(key));
                break;
            case ChangedKind.Slice:
                var now = _slices.Items.GetValueOrDefault(key);
                _builder.SetSlice(key, _known.GetValueOrDefault(key), now);
                if (now is null) _known.Remove(key);
                else _known[key] = now;
                break;
            default:
                _builder.Sweep();
                break;
        }
    }
}

internal static partial class RouteLog
{
    [LoggerMessage(9001, LogLevel.Information, "{Ingresses} Ingresses serve {Hosts} hosts")]
    internal static partial void Synced(ILogger log, int ingresses, int hosts);

    [LoggerMessage(9002, LogLevel.Error, "{Key}: the routes failed; trying again")]
    internal static partial void SyncFailed(ILogger log, Exception failure, string key);
}
