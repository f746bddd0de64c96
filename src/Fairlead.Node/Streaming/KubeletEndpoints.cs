using System.Text;
using Fairlead.Kube.Json;
using Fairlead.Node.Pods;
using Fairlead.Node.Runtime;
using k8s.Models;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Streaming;

/// <summary>Paths of the kubelet API (kubernetes/kubernetes, pkg/kubelet/server) and who answers them.</summary>
internal sealed class KubeletEndpoints(PodLoop pods, IContainerRuntime runtime, ILogger log)
{
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
        ["containerLogs", var ns, var pod, var container] => LogsAsync(context, ns, pod, container),
        ["exec", var ns, var pod, var container] => ExecAsync(context, ns, pod, container),
        // The form with the pod's UID.
        ["exec", var ns, var pod, _, var container] => ExecAsync(context, ns, pod, container),
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
        if (!pod.Spec.Containers.Concat(pod.Spec.InitContainers ?? []).Any(one => one.Name == container))
            return (null, $"container \"{container}\" in pod \"{pod.Metadata.Name}\" is not available");
        // A container that waits to be started again has its log in the one that ended.
        var chosen = previous ? state.Previous(container) : state.Latest(container);
        if (chosen is not null && File.Exists(chosen.LogPath)) return (chosen, null);
        if (previous) return (null, $"previous terminated container \"{container}\" in pod \"{pod.Metadata.Name}\" not found");
        var statuses = (pod.Status?.ContainerStatuses ?? []).Concat(pod.Status?.InitContainerStatuses ?? []);
        var reason = statuses.FirstOrDefault(status => status.Name == container)?.State?.Waiting?.Reason ?? "ContainerCreating";
        var words = reason is "ErrImagePull" or "ImagePullBackOff" ? "trying and failing to pull image" : reason;
        return (null, $"container \"{container}\" in pod \"{pod.Metadata.Name}\" is waiting to start: {words}");
    }

    private async Task ExecAsync(HttpContext context, string ns, string name, string container)
    {
        var pod = pods.Find(ns, name);
        var target = pod is null ? null : runtime.Observe(pod.Metadata.Uid).Latest(container);
        if (target is not { Phase: ContainerPhase.Running })
        {
            var missing = pod is null ? "pod does not exist" : $"container not found (\"{container}\")";
            await TextAsync(context, StatusCodes.Status404NotFound, missing);
            return;
        }
        var request = ExecRequest.Parse(context.Request.Query);
        if (request.Command.IsEmpty)
        {
            await TextAsync(context, StatusCodes.Status400BadRequest, "you must specify at least one command for the container");
            return;
        }
        await using var client = await StreamUpgrade.AcceptAsync(context, request);
        if (client is null) return;
        await new ExecStream(client, request, cancel => runtime.ExecAsync(target.PodUid, target.Id, request.ToConfig(), cancel), log)
            .RunAsync(context.RequestAborted);
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
}
