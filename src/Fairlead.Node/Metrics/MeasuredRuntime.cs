using System.Collections.Immutable;
using System.Net.Sockets;
using Fairlead.Linux.Files;
using Fairlead.Node.Runtime;
using Fairlead.Node.Runtime.Usage;

namespace Fairlead.Node.Metrics;

/// <summary>A runtime whose operations are counted and timed, under CRI's names of them.</summary>
internal sealed class MeasuredRuntime(IContainerRuntime runtime, AgentMetrics metrics, TimeProvider time) : IContainerRuntime
{
    public string Name => runtime.Name;

    public string Version => runtime.Version;

    public IReadOnlyCollection<string> PodUids => runtime.PodUids;

    public event Action<string>? Changed
    {
        add => runtime.Changed += value;
        remove => runtime.Changed -= value;
    }

    public PodRuntimeState Observe(string podUid) => runtime.Observe(podUid);

    public PodUsage? ReadUsage(string podUid) => runtime.ReadUsage(podUid);

    public Task<ImmutableDictionary<string, DiskUse>> ReadDiskUseAsync(string podUid, CancellationToken cancel) => runtime.ReadDiskUseAsync(podUid, cancel);

    public Task<PodSandbox> RunSandboxAsync(SandboxConfig config, CancellationToken cancel) => MeasureAsync("run_podsandbox", () => runtime.RunSandboxAsync(config, cancel));

    public Task StopSandboxAsync(string podUid, CancellationToken cancel) => MeasureAsync("stop_podsandbox", () => runtime.StopSandboxAsync(podUid, cancel));

    public Task RemoveSandboxAsync(string podUid, CancellationToken cancel) => MeasureAsync("remove_podsandbox", () => runtime.RemoveSandboxAsync(podUid, cancel));

    /// <summary>A container that does not start is an answer of the runtime's, but an error to whoever counts.</summary>
    public Task<ContainerState> RunContainerAsync(ContainerConfig config, CancellationToken cancel) =>
        MeasureAsync("start_container", () => runtime.RunContainerAsync(config, cancel), state => state.Reason == "StartError");

    public Task StopContainerAsync(string podUid, string containerId, TimeSpan grace, CancellationToken cancel) =>
        MeasureAsync("stop_container", () => runtime.StopContainerAsync(podUid, containerId, grace, cancel));

    public Task RemoveContainerAsync(string podUid, string containerId, CancellationToken cancel) =>
        MeasureAsync("remove_container", () => runtime.RemoveContainerAsync(podUid, containerId, cancel));

    public Task ReopenLogAsync(string podUid, string containerId, CancellationToken cancel) =>
        MeasureAsync("reopen_container_log", () => runtime.ReopenLogAsync(podUid, containerId, cancel));

    public Task<IExecSession> ExecAsync(string podUid, string containerId, ExecConfig config, CancellationToken cancel) =>
        MeasureAsync("exec", () => runtime.ExecAsync(podUid, containerId, config, cancel));

    public Task<IExecSession> AttachAsync(string podUid, string containerId, bool input, CancellationToken cancel) =>
        MeasureAsync("attach", () => runtime.AttachAsync(podUid, containerId, input, cancel));

    public Task<Socket> ConnectAsync(string podUid, int port, CancellationToken cancel) => MeasureAsync("port_forward", () => runtime.ConnectAsync(podUid, port, cancel));

    private async Task<T> MeasureAsync<T>(string operation, Func<Task<T>> run, Func<T, bool>? isFailure = null)
    {
        var began = time.GetTimestamp();
        var failed = true;
        try
        {
            var answer = await run();
            failed = isFailure?.Invoke(answer) == true;
            return answer;
        }
        finally
        {
            metrics.Operated(operation, time.GetElapsedTime(began), failed);
        }
    }

    private Task<bool> MeasureAsync(string operation, Func<Task> run) => MeasureAsync(operation, async () =>
    {
        await run();
        return true;
    });
}
