using System.Text;
using Fairlead.Kube.Health;
using Fairlead.Node.Pods;
using Fairlead.Node.Registration;
using Fairlead.Node.Runtime;
using Fairlead.Node.Runtime.Usage;
using Microsoft.AspNetCore.Http;

namespace Fairlead.Node.Metrics;

/// <summary>What kubelet tells of itself and of what its pods use: /metrics and what is below it, /stats/summary.</summary>
internal sealed class MetricsEndpoint
{
    private readonly NodeAgentOptions _options;
    private readonly PodLoop _pods;
    private readonly IContainerRuntime _runtime;
    private readonly NodeSnapshots _snapshots;
    private readonly StatsSummary _summary;

    public MetricsEndpoint(NodeAgentOptions options, PodLoop pods, IContainerRuntime runtime, TimeProvider time)
    {
        var paths = new NodePaths(options);
        (_options, _pods, _runtime) = (options, pods, runtime);
        _snapshots = new NodeSnapshots(options.NodeName, pods, runtime, new MachineUsage(paths.CgroupParent, new CgroupReader(), MachineUsage.IsWholeMachine()), time);
        _summary = new StatsSummary(_snapshots, new DiskSnapshots(paths, runtime), time.GetUtcNow(), time);
    }

    public Task AgentAsync(HttpContext context) => TextAsync(context, _pods.Metrics.Write(_options.NodeName, [.. _pods.Pods], _runtime));

    public Task ResourceAsync(HttpContext context) => TextAsync(context, ResourceMetrics.Write(_snapshots.Take()));

    public Task CadvisorAsync(HttpContext context) => TextAsync(context, CadvisorMetrics.Write(_snapshots.Take(), System.Environment.ProcessorCount, MachineFacts.MemoryBytes()));

    public Task ProbesAsync(HttpContext context) => TextAsync(context, _pods.Metrics.Probes.Write());

    public async Task SummaryAsync(HttpContext context)
    {
        var body = await _summary.WriteAsync(context.Request.Query["only_cpu_and_memory"] == "true", context.RequestAborted);
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = body.Length;
        await context.Response.Body.WriteAsync(body, context.RequestAborted);
    }

    private static async Task TextAsync(HttpContext context, string text)
    {
        var body = Encoding.UTF8.GetBytes(text);
        context.Response.ContentType = PrometheusText.MediaType;
        context.Response.ContentLength = body.Length;
        await context.Response.Body.WriteAsync(body, context.RequestAborted);
    }
}
