using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Discovery;
using Fairlead.Kube.Client;
using Fairlead.Kube.Events;
using Microsoft.Extensions.Logging;

namespace Fairlead.Controllers;

/// <summary>What every controller is made of.</summary>
internal sealed class ControllerContext(KubeClient client, ControllerOptions options, ILoggerFactory logs, TimeProvider time)
{
    private readonly Dictionary<string, EventRecorder> _recorders = [];

    public KubeClient Client => client;
    public ControllerOptions Options => options;
    public TimeProvider Time => time;
    public Caches Caches { get; } = new(client, logs, time);
    public KindCatalog Kinds { get; } = new(client, options);

    public ILogger Log(string part) => logs.CreateLogger($"Fairlead.Controllers.{part}");

    /// <summary>The recorder that speaks as the component, one each.</summary>
    public EventRecorder Recorder(string component)
    {
        if (!_recorders.TryGetValue(component, out var recorder))
            _recorders[component] = recorder = new EventRecorder(client, component, null, Log("Events"), time);
        return recorder;
    }

    public Task RunRecordersAsync(CancellationToken cancel) => Task.WhenAll(_recorders.Values.Select(recorder => recorder.RunAsync(cancel)));
}
