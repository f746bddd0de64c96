using System.Text;
using Fairlead.Kube.Json;
using Fairlead.Node.Metrics;
using Fairlead.Node.Pods;
using Fairlead.Node.Runtime;
using Fairlead.Node.Streaming.PortForward;
using k8s.Models;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Streaming;

/// <summary>Paths of the kubelet API (kubernetes/kubernetes, pkg/kubelet/server) and who answers them.</summary>
internal sealed class KubeletEndpoints(PodLoop pods, IContainerRuntime runtime, string logFolder, MetricsEndpoint metrics, ILogger log) : IDisposable
{
    private readonly LogFolder _logs = new(logFolder);
    private readonly ContainerStreams _streams = new(pods, runtime, log);
    private readonly PortForwardEndpoint _ports = new(pods, runtime, log);

    public void Dispose() => _logs.Dispose();

    public async Task HandleAsync(HttpContext context)
    {
        try
        {
            await RouteAsync(context);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
        }
        catch (Exception e) when (e is IOException or RuntimeException)
        {
            StreamLog.Failed(log, context.Request.Path, e.Message);
            if (!context.Response.HasStarted) await TextAsync(context, StatusCodes.Status500InternalServerError, e.Message);
        }
    }

    private Task RouteAsync(HttpContext context) => (context.Request.Path.Value ?? "").Split('/', StringSplitOptions.RemoveEmptyEntries) switch
    {
        ["healthz"] => TextAsync(context, StatusCodes.Status200OK, "ok"),
        ["pods"] => PodsAsync(context),
        ["metrics"] => metrics.AgentAsync(context),
        ["metrics", "resource"] => metrics.ResourceAsync(context),
        ["metrics", "cadvisor"] => metrics.CadvisorAsync(context),
        ["metrics", "probes"] => metrics.ProbesAsync(context),
        ["stats", "summary"] => metrics.SummaryAsync(context),
        ["logs", .. var path] => _logs.HandleAsync(context, string.Join('/', path)),
        ["containerLogs", var ns, var pod, var container] => LogsAsync(context, ns, pod, container),
        // The second forms have the pod's UID in them.
        ["exec", var ns, var pod, var container] => _streams.ExecAsync(context, ns, pod, container),
        ["exec", var ns, var pod, _, var container] => _streams.ExecAsync(context, ns, pod, container),
        ["attach", var ns, var pod, var container] => _streams.AttachAsync(context, ns, pod, container),
        ["attach", var ns, var pod, _, var container] => _streams.AttachAsync(context, ns, pod, container),
        ["portForward", var ns, var pod] => _ports.HandleAsync(context, ns, pod),
        ["portForward", var ns, var pod, _] => _ports.HandleAsync(context, ns, pod),
        ["dial", var address, var port] => DialEndpoint.HandleAsync(context, address, port),
        _ => TextAsync(context, StatusCodes.Status404NotFound, "404 page not found"),
    };

    private Task PodsAsync(HttpContext context)
    {
        context.Response.ContentType = "application/json";
        var list = new V1PodList { ApiVersion = "v1", Kind = "PodList", Metadata = new V1ListMeta(), Items = [.. pods.Pods] };
        return context.Response.Body.WriteAsync(KubeJson.Serialize(list), context.RequestAborted).AsTask();
    }

    private async Task LogsAsync(HttpContext context, string ns, string name, string container)
    {
        var (log, failure) = LogOptions.Parse(context.Request.Query, TimeProvider.System.GetUtcNow());
        if (log is null)
        {
            await TextAsync(context, StatusCodes.Status422UnprocessableEntity, failure!);
            return;
        }
        if (pods.Find(ns, name) is not { } pod)
        {
            await TextAsync(context, StatusCodes.Status404NotFound, $"pod \"{name}\" does not exist");
            return;
        }
        var (found, refusal) = ChooseLog(pod, container, log.Previous);
        if (found is null)
        {
            await TextAsync(context, StatusCodes.Status400BadRequest, refusal!);
            return;
        }
        context.Response.ContentType = "text/plain";
        await new LogFile(found.LogPath, log).CopyAsync(context.Response.Body, () => HasEnded(found), EndOf(found), context.RequestAborted);
    }

    private (ContainerState? Container, string? Refusal) ChooseLog(V1Pod pod, string container, bool previous)
    {
        var state = runtime.Observe(pod.Metadata.Uid);
        if (!EphemeralContainers.All(pod).Any(one => one.Name == container))
            return (null, $"container \"{container}\" in pod \"{pod.Metadata.Name}\" is not available");
        // A container that waits to be started again has its log in the one that ended.
        var chosen = previous ? state.Previous(container) : state.Latest(container);
        if (chosen is not null && File.Exists(chosen.LogPath)) return (chosen, null);
        if (previous) return (null, $"previous terminated container \"{container}\" in pod \"{pod.Metadata.Name}\" not found");
        var statuses = (pod.Status?.ContainerStatuses ?? []).Concat(pod.Status?.InitContainerStatuses ?? []).Concat(pod.Status?.EphemeralContainerStatuses ?? []);
        var reason = statuses.FirstOrDefault(status => status.Name == container)?.State?.Waiting?.Reason ?? "ContainerCreating";
        var words = reason is "ErrImagePull" or "ImagePullBackOff" ? "trying and failing to pull image" : reason;
        return (null, $"container \"{container}\" in pod \"{pod.Metadata.Name}\" is waiting to start: {words}");
    }

    private bool HasEnded(ContainerState container) =>
        runtime.Observe(container.PodUid).Containers.FirstOrDefault(other => other.Id == container.Id) is not { Phase: not ContainerPhase.Exited };

    private Task EndOf(ContainerState container)
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        void Look(string uid)
        {
            if (uid != container.PodUid || !HasEnded(container)) return;
            runtime.Changed -= Look;
            ended.TrySetResult();
        }
        runtime.Changed += Look;
        Look(container.PodUid);
        return ended.Task;
    }

    /// <summary>With its length: the API server reads a refused upgrade off the bare connection.</summary>
    internal static Task TextAsync(HttpContext context, int code, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        context.Response.StatusCode = code;
        context.Response.ContentType = "text/plain; charset=utf-8";
        context.Response.ContentLength = bytes.Length;
        return context.Response.Body.WriteAsync(bytes, context.RequestAborted).AsTask();
    }
}

internal static partial class StreamLog
{
    [LoggerMessage(2301, LogLevel.Warning, "{Path}: {Message}")]
    public static partial void Failed(ILogger log, string? path, string message);

    [LoggerMessage(2302, LogLevel.Debug, "exec {Command}: the client is gone: {Message}")]
    public static partial void ClientGone(ILogger log, string command, string message);

    [LoggerMessage(2304, LogLevel.Warning, "{Path}: the API server could not be asked who may have it: {Message}")]
    public static partial void NotReviewed(ILogger log, string? path, string message);

    [LoggerMessage(2303, LogLevel.Debug, "port-forward: {Message}")]
    public static partial void NotForwarded(ILogger log, string message);
}
