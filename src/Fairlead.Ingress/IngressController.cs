using System.Net;
using Fairlead.Ingress.Metrics;
using Fairlead.Ingress.Proxy;
using Fairlead.Ingress.Proxy.Kestrel;
using Fairlead.Ingress.Proxy.Lean;
using Fairlead.Ingress.Routes;
using Fairlead.Ingress.Status;
using Fairlead.Ingress.Tls;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Events;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Ingress;

/// <summary>
/// Serves the Ingresses of a cluster: networking.k8s.io/v1 (https://kubernetes.io/docs/concepts/services-networking/ingress/), with the annotations of ingress-nginx.
/// </summary>
public sealed class IngressController : IDisposable
{
    private readonly KubeClient _client;
    private readonly IngressOptions _options;
    private readonly ILoggerFactory _logs;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly SnapshotHolder _holder = new();
    private readonly MetricsRegistry _metrics = new();
    private readonly RouteTableBuilder _builder;
    private readonly RouteSync _sync;
    private readonly EventRecorder _events;
    private readonly StatusWriter _status;
    private bool _isLeader;

    public IngressController(KubeClient client, IngressOptions options, ILoggerFactory logs, TimeProvider time)
    {
        (_client, _options, _logs, _time) = (client, options, logs, time);
        _log = logs.CreateLogger("ingress");
        BackendKey? fallback = options.DefaultBackend is { } service ? new BackendKey(service, "", 0, false) : null;
        _builder = new RouteTableBuilder(new ClassRule(options.Controller, options.IngressClass, options.WatchWithoutClass), _metrics, fallback);
        _sync = new RouteSync(client, _builder, _holder, _log, time);
        _events = new EventRecorder(client, "fairlead-ingress", options.NodeName.Length > 0 ? options.NodeName : null, _log, time);
        _status = new StatusWriter(client, _sync.Ingresses, _log, time);
    }

    /// <summary>Completes when it listens, and every Ingress that the API server has is served.</summary>
    public Task Ready => _ready.Task;

    /// <summary>Where it listens, once it does: those for plain HTTP, then those for TLS.</summary>
    public IReadOnlyList<IPEndPoint> Addresses { get; private set; } = [];

    /// <summary>Serves until cancelled.</summary>
    /// <exception cref="IOException">An address cannot be listened at.</exception>
    public async Task RunAsync(CancellationToken cancel)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using var upstreams = new Upstreams(_options.Resolve ?? Dns.GetHostAddressesAsync);
        var forwarded = new ForwardedHeaders(_options.PublicHttpPort, _options.PublicHttpsPort, _options.UseForwardedHeaders);
        var access = _options.AccessLog is { } output ? new AccessLog(output, _options.AccessLogFormat) : null;
        var synced = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var tasks = new List<Task> { _sync.RunAsync(problems => Committed(problems, synced), stop.Token), _events.RunAsync(stop.Token), _status.RunAsync(stop.Token) };
        try
        {
            // A listener without routes would answer 404 for hosts that have some.
            await await Task.WhenAny([synced.Task, .. tasks]);
            if (cancel.IsCancellationRequested) return;
            using var logged = new CancellationTokenSource();
            var logging = access?.RunAsync(logged.Token) ?? Task.CompletedTask;
            await using (var server = await IngressServer.StartAsync(
                _options, new LeanRules(_holder, new CertificateChooser(_holder, _time), forwarded, access, _options.PublicHttpsPort, _log, _time) { HeadPatience = _options.HeaderTimeout, ProxyProtocolFrom = new(_options.ProxyProtocolFrom) }, forwarder => Handler(forwarder, upstreams, forwarded, access).HandleAsync, new StatusAnswers(_metrics, _holder, _sync, _options.Controller), _logs, cancel))
            {
                Addresses = server.Addresses;
                _ready.TrySetResult();
                await await Task.WhenAny(tasks);
            }
            await logged.CancelAsync();
            await logging;
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(tasks).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public void Dispose()
    {
        _sync.Dispose();
        _status.Dispose();
    }

    private RequestHandler Handler(Yarp.ReverseProxy.Forwarder.IHttpForwarder forwarder, Upstreams upstreams, ForwardedHeaders forwarded, AccessLog? access)
    {
        return new RequestHandler(
            _holder, new Forwarding(forwarder, upstreams, forwarded, _log, _time), new ErrorPages(upstreams, _time), new ExternalAuth(upstreams, _time),
            new RateLimiter(_time), access, _options.PublicHttpsPort, _log, _time);
    }

    /// <summary>After each swap. Several nodes serve; one of them writes statuses and Events.</summary>
    private void Committed(IReadOnlyList<NewProblem> problems, TaskCompletionSource synced)
    {
        _isLeader = IsLeader();
        _status.Set(_isLeader, PublishedAddresses(), _builder.Owned.ToHashSet());
        if (_isLeader)
        {
            foreach (var (ingress, uid, problem) in problems)
                _events.Warning(EventRecorder.About(ApiResources.Ingresses, new V1ObjectMeta { NamespaceProperty = ingress.Namespace, Name = ingress.Name, Uid = uid }), problem.Reason, problem.Message);
        }
        synced.TrySetResult();
    }

    private IReadOnlyList<string> PublishedAddresses() =>
        _options.PublishService is { } service && _builder.Backends.Service(service) is { } found ? [.. found.Addresses] : _options.StatusAddresses;

    /// <summary>The first of the nodes that serve, by name, is the one; as long as none does, each, since doing it twice does no harm.</summary>
    private bool IsLeader()
    {
        if (_options.NodeName.Length == 0 || _options.PublishService is not { } service) return true;
        var first = _builder.Backends.Slices(service).SelectMany(slice => slice.Endpoints).Where(endpoint => endpoint.Ready && endpoint.Node.Length > 0)
            .Select(endpoint => endpoint.Node).Order(StringComparer.Ordinal).FirstOrDefault();
        return first is null || first == _options.NodeName;
    }
}
