using System.Text.Json.Nodes;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Json;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Registration;

/// <summary>Puts this node into the API and keeps its status there true.</summary>
internal sealed class NodeRegistration(
    KubeClient client, NodeAgentOptions options, MachineFacts machine, string runtimeVersion, ILogger log, TimeProvider time)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(7);
    private volatile bool _shutsDown;
    private volatile string? _notReady = "container runtime network not ready: the node has no pod CIDR yet";
    private Func<IList<V1ContainerImage>> _images = () => [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The Node as it is created where there is none.</summary>
    public V1Node Describe() => NodeStatusRule.Build(options, machine, runtimeVersion, NotReady, _images(), Now);

    /// <summary>Creates the Node, or takes over the one that is there; tries until the server lets it.</summary>
    public async Task<V1Node> RegisterAsync(CancellationToken cancel)
    {
        for (var wait = Retry; ; wait = wait * 2 < LongestRetry ? wait * 2 : LongestRetry)
        {
            try
            {
                return await TryRegisterAsync(cancel);
            }
            catch (Exception e) when (e is KubeApiException or HttpRequestException)
            {
                NodeLog.NotRegistered(log, options.NodeName, e.Message, wait.TotalMilliseconds);
                await Task.Delay(wait, time, cancel);
            }
        }
    }

    /// <summary>Tells whether pods can run; the status follows at once.</summary>
    /// <param name="why">Why they cannot; null: they can.</param>
    public void SetNotReady(string? why)
    {
        _notReady = why;
        Report();
    }

    /// <summary>Tells whether the machine shuts down; the status follows at once.</summary>
    public void SetShuttingDown(bool isSo)
    {
        _shutsDown = isSo;
        Report();
    }

    /// <summary>Says where the status' list of images comes from; before anything else is asked of this.</summary>
    public void SetImages(Func<IList<V1ContainerImage>> images) => _images = images;

    /// <summary>Writes the status at once: something that it tells has changed, or the API says another.</summary>
    public void Report() => Volatile.Read(ref _changed).TrySetResult();

    /// <summary>Writes the status when it changes and every 5 minutes, until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        var wait = Interval;
        while (!cancel.IsCancellationRequested)
        {
            var changed = Volatile.Read(ref _changed).Task;
            using (var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancel))
            {
                await Task.WhenAny(changed, Task.Delay(wait, time, waiting.Token));
                await waiting.CancelAsync();
            }
            if (cancel.IsCancellationRequested) return;
            if (changed.IsCompleted) Volatile.Write(ref _changed, new(TaskCreationOptions.RunContinuationsAsynchronously));
            try
            {
                await WriteStatusAsync(await client.GetAsync(ApiResources.Nodes, null, options.NodeName, cancel), cancel);
                wait = Interval;
            }
            catch (Exception e) when (e is KubeApiException or HttpRequestException)
            {
                NodeLog.StatusNotWritten(log, options.NodeName, e.Message);
                wait = LongestRetry;
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                return;
            }
        }
    }

    private async Task<V1Node> TryRegisterAsync(CancellationToken cancel)
    {
        var wanted = Describe();
        try
        {
            return await client.CreateAsync(ApiResources.Nodes, wanted, cancel);
        }
        catch (KubeApiException e) when (e.IsAlreadyExists)
        {
            var labels = new JsonObject();
            foreach (var (name, value) in wanted.Metadata.Labels) labels[name] = value;
            var patch = Patch.Merge(new JsonObject { ["metadata"] = new JsonObject { ["labels"] = labels } });
            var node = await client.PatchAsync(ApiResources.Nodes, new ObjectKey("", options.NodeName), patch, null, cancel);
            return await WriteStatusAsync(node, cancel);
        }
    }

    private Task<V1Node> WriteStatusAsync(V1Node node, CancellationToken cancel)
    {
        var status = NodeStatusRule.Status(options, machine, runtimeVersion, NotReady, _images(), node.Status, Now);
        var patch = new JsonObject { ["status"] = JsonNode.Parse(KubeJson.Serialize(status)) };
        return client.PatchAsync(ApiResources.Nodes, new ObjectKey("", options.NodeName), Patch.StrategicMerge(patch), "status", cancel);
    }

    private string? NotReady => _shutsDown ? "node is shutting down" : _notReady;

    private DateTime Now => time.GetUtcNow().UtcDateTime;
}
