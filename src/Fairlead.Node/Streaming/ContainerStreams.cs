using Fairlead.Node.Pods;
using Fairlead.Node.Runtime;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Streaming;

/// <summary>exec and attach: finds the container, refuses what cannot be, and joins client and process.</summary>
internal sealed class ContainerStreams(PodLoop pods, IContainerRuntime runtime, ILogger log)
{
    public async Task ExecAsync(HttpContext context, string ns, string name, string container)
    {
        if (await FindAsync(context, ns, name, container) is not { } target) return;
        var request = ExecRequest.Parse(context.Request.Query);
        if (request.Command.IsEmpty)
        {
            await KubeletEndpoints.TextAsync(context, StatusCodes.Status400BadRequest, "you must specify at least one command for the container");
            return;
        }
        await JoinAsync(context, request, cancel => runtime.ExecAsync(target.PodUid, target.Id, request.ToConfig(), cancel),
            "error executing command in container: failed to exec in container");
    }

    public async Task AttachAsync(HttpContext context, string ns, string name, string container)
    {
        if (await FindAsync(context, ns, name, container) is not { } target) return;
        var request = ExecRequest.Parse(context.Request.Query);
        await JoinAsync(context, request, cancel => runtime.AttachAsync(target.PodUid, target.Id, request.Input, cancel), "error attaching to container");
    }

    private async Task<ContainerState?> FindAsync(HttpContext context, string ns, string name, string container)
    {
        var pod = pods.Find(ns, name);
        if (pod is not null && runtime.Observe(pod.Metadata.Uid).Latest(container) is { Phase: ContainerPhase.Running } running) return running;
        await KubeletEndpoints.TextAsync(context, StatusCodes.Status404NotFound, pod is null ? "pod does not exist" : $"container not found (\"{container}\")");
        return null;
    }

    private async Task JoinAsync(HttpContext context, ExecRequest request, Func<CancellationToken, Task<IExecSession>> start, string failure)
    {
        if (request is { Input: false, Output: false, Error: false })
        {
            await KubeletEndpoints.TextAsync(context, StatusCodes.Status400BadRequest, "you must specify at least 1 of stdin, stdout, stderr");
            return;
        }
        await using var client = await StreamUpgrade.AcceptAsync(context, request);
        if (client is not null) await new ExecStream(client, request, start, failure, log).RunAsync(context.RequestAborted);
    }
}
