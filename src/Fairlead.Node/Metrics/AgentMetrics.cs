using Fairlead.Kube.Health;
using Fairlead.Node.Runtime;
using k8s.Models;

namespace Fairlead.Node.Metrics;

/// <summary>What the agent counts of its own work, told under kubelet's names (Kubernetes Metrics Reference). Thread-safe.</summary>
internal sealed class AgentMetrics
{
    private readonly LatencyHistogram _podStart = new();
    private readonly LatencyHistogram _statusSync = new();
    private readonly Durations _passes = new();
    private readonly Counters _operations = new();
    private readonly Counters _operationErrors = new();
    private readonly Durations _operationDurations = new();
    private readonly Counters _rejections = new();
    private readonly Counters _startedContainers = new();
    private long _startedPods;
    private long _failedStarts;
    private double _shutdownBegan;
    private double _shutdownEnded;

    public ProbeMetrics Probes { get; } = new();

    /// <summary>A pod that this agent saw come has begun to run.</summary>
    /// <param name="took">Since it was seen first.</param>
    public void PodRuns(TimeSpan took) => _podStart.Observe(took);

    /// <summary>The API has been told.</summary>
    /// <param name="took">Since there was something to tell, for example a probe's verdict.</param>
    public void StatusWritten(TimeSpan took) => _statusSync.Observe(took);

    /// <summary>One look at a pod, with what was done for it.</summary>
    /// <param name="kind">create, sync or kill.</param>
    public void Passed(string kind, TimeSpan took) => _passes.Observe(kind, took);

    /// <param name="operation">CRI's name of it, for example start_container.</param>
    public void Operated(string operation, TimeSpan took, bool failed)
    {
        _operations.Add(operation);
        _operationDurations.Observe(operation, took);
        if (failed) _operationErrors.Add(operation);
    }

    public void Rejected(string reason) => _rejections.Add(reason);

    public void PodStarted() => Interlocked.Increment(ref _startedPods);

    public void PodNotStarted() => Interlocked.Increment(ref _failedStarts);

    /// <summary>The machine shuts down, and the pods begin to end.</summary>
    public void ShutdownBegins(DateTimeOffset at) => (_shutdownBegan, _shutdownEnded) = (Seconds(at), 0);

    public void ShutdownEnds(DateTimeOffset at) => _shutdownEnded = Seconds(at);

    private static double Seconds(DateTimeOffset at) => at.ToUnixTimeMilliseconds() / 1000.0;

    /// <param name="type">container, init_container or ephemeral_container.</param>
    public void ContainerStarted(string type) => _startedContainers.Add(type);

    public string Write(string node, IReadOnlyCollection<V1Pod> pods, IContainerRuntime runtime)
    {
        var text = new PrometheusText();
        text.Metric("kubelet_node_name", "gauge", "The node's name. The count is always 1.");
        text.Sample("kubelet_node_name", $"node=\"{PrometheusText.Label(node)}\"", 1);
        WritePods(text, pods, runtime);
        _operations.Write(text, "kubelet_runtime_operations_total", "operation_type", "Cumulative number of runtime operations by operation type.");
        _operationErrors.Write(text, "kubelet_runtime_operations_errors_total", "operation_type", "Cumulative number of runtime operation errors by operation type.");
        _operationDurations.Write(text, "kubelet_runtime_operations_duration_seconds", "operation_type", "Duration in seconds of runtime operations. Broken down by operation type.");
        text.Metric("kubelet_graceful_shutdown_start_time_seconds", "gauge", "Last graceful shutdown start time since unix epoch in seconds");
        text.Sample("kubelet_graceful_shutdown_start_time_seconds", "", _shutdownBegan);
        text.Metric("kubelet_graceful_shutdown_end_time_seconds", "gauge", "Last graceful shutdown end time since unix epoch in seconds");
        text.Sample("kubelet_graceful_shutdown_end_time_seconds", "", _shutdownEnded);
        text.Process();
        return text.ToString();
    }

    private void WritePods(PrometheusText text, IReadOnlyCollection<V1Pod> pods, IContainerRuntime runtime)
    {
        var states = runtime.PodUids.Select(runtime.Observe).ToList();
        text.Metric("kubelet_running_pods", "gauge", "Number of pods that have a running pod sandbox");
        text.Sample("kubelet_running_pods", "", states.Count(state => state.Sandbox is { Ready: true }));
        text.Metric("kubelet_running_containers", "gauge", "Number of containers currently running, by state");
        foreach (var state in states.SelectMany(state => state.Containers).CountBy(container => container.Phase).OrderBy(pair => pair.Key))
            text.Sample("kubelet_running_containers", $"container_state=\"{state.Key.ToString().ToLowerInvariant()}\"", state.Value);
        text.Metric("kubelet_desired_pods", "gauge", "The number of pods the kubelet is being instructed to run.");
        text.Sample("kubelet_desired_pods", "static=\"\"", pods.Count);
        text.Metric("kubelet_pod_start_duration_seconds", "histogram", "Duration in seconds from kubelet seeing a pod for the first time to the pod starting to run");
        text.Histogram("kubelet_pod_start_duration_seconds", "", _podStart.Snapshot());
        text.Metric("kubelet_pod_status_sync_duration_seconds", "histogram", "Duration in seconds to sync a pod status update: from the change, for example a probe's verdict, until the API has it.");
        text.Histogram("kubelet_pod_status_sync_duration_seconds", "", _statusSync.Snapshot());
        _passes.Write(text, "kubelet_pod_worker_duration_seconds", "operation_type", "Duration in seconds to sync a single pod. Broken down by operation type: create, sync, or kill");
        text.Metric("kubelet_started_pods_total", "counter", "Cumulative number of pods started");
        text.Sample("kubelet_started_pods_total", "", Interlocked.Read(ref _startedPods));
        text.Metric("kubelet_started_pods_errors_total", "counter", "Cumulative number of errors when starting pods");
        text.Sample("kubelet_started_pods_errors_total", "", Interlocked.Read(ref _failedStarts));
        _startedContainers.Write(text, "kubelet_started_containers_total", "container_type", "Cumulative number of containers started");
        _rejections.Write(text, "kubelet_admission_rejections_total", "reason", "Cumulative number pod admission rejections by the Kubelet.");
    }
}
