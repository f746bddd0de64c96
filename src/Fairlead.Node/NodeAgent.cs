using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Events;
using Fairlead.Kube.Informers;
using Fairlead.Linux.Namespaces;
using Fairlead.Node.Api;
using Fairlead.Node.Environment;
using Fairlead.Node.Images;
using Fairlead.Node.Images.Registry;
using Fairlead.Node.Metrics;
using Fairlead.Node.Network;
using Fairlead.Node.Pods;
using Fairlead.Node.Pods.Static;
using Fairlead.Node.Registration;
using Fairlead.Node.Runtime;
using Fairlead.Node.Shutdown;
using Fairlead.Node.Streaming;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node;

/// <summary>
/// The node: registers itself, runs the pods that are bound to it and serves the kubelet API. Pods outlive it: one that is
/// started after another's death goes on where that one was. It works in the network namespace of its process.
/// </summary>
public sealed partial class NodeAgent(KubeClient client, NodeAgentOptions options, ILoggerFactory logs, TimeProvider time)
{
    private readonly ILogger _log = logs.CreateLogger("node");
    private readonly NodePaths _paths = new(options);
    private volatile NodeOffer? _offer;

    /// <summary>The Node as owner of what goes with it.</summary>
    private volatile V1OwnerReference? _self;

    /// <summary>Pod CIDR, as it was noted.</summary>
    private string? _range;
    private readonly long _began = time.GetTimestamp();

    /// <summary>Runs until cancelled.</summary>
    /// <exception cref="NodeStartException">Something that the node needs is missing; the message says what to do.</exception>
    public async Task RunAsync(CancellationToken cancel)
    {
        using var network = NetworkNamespace.OpenCurrent();
        _paths.CreateFolders();
        var machine = MachineFacts.Read(_paths.Root);
        PodCgroups.Make(_paths.CgroupParent, machine.Processors);
        var podNetwork = new PodNetwork(network, options.BridgeName, _paths.Addresses);
        var store = new ImageStore(_paths.Images, time);
        using var chosen = await NodeRuntime.OpenAsync(options, _paths, podNetwork, store, Binary, _log, time, cancel);
        var metrics = new AgentMetrics();
        var runtime = new MeasuredRuntime(chosen.Runtime, metrics, time);
        var registration = new NodeRegistration(client, options, machine, $"{runtime.Name}://{runtime.Version}", _log, time);
        var events = new EventRecorder(client, "kubelet", options.NodeName, _log, time);
        var services = new Informer<V1Service, ServiceFacts>(client, ApiResources.Services, ServiceFacts.Of, _log, time);
        using var pullNetwork = options.PullNetwork is { } path ? NetworkNamespace.Open(path) : null;
        using var own = chosen.Images is null ? new NodeImages(new HostImage(Binary), store, new RegistryPull(store, pullNetwork), _log) : null;
        var images = chosen.Images ?? (IImageStore)own!;
        registration.SetImages(() => NodeImageList.Of(chosen.Images?.Images ?? store.Images));
        images.Changed += registration.Report;
        var api = new PodApi(client, events, _log, time);
        using var fixedPods = options.PodManifestPath is { } manifests
            ? new StaticPods(new StaticPodFolder(Path.GetFullPath(manifests), options.NodeName, _log, time), api, () => _self!, _log, time)
            : null;
        using var pods = CreateLoop(fixedPods is null ? api : new StaticPodApi(api, fixedPods), runtime, images, services, machine, podNetwork, metrics);
        await using var kubelet = new KubeletServer(options, pods, runtime, new AccessReviews(client), logs);
        await kubelet.StartAsync(cancel);
        await RunPartsAsync(cancel,
            events.RunAsync,
            services.RunAsync,
            registration.RunAsync,
            chosen.RunAsync,
            stop => FollowShutdownAsync(pods, registration, events, stop),
            new LogRotation(runtime, _log, time).RunAsync,
            new ImageCollector(store, () => ImageUse.Read(_paths.Images, _paths.Pods), options.ImageLimits, _log, time).RunAsync,
            stop => RunNodeAsync(registration, podNetwork, new NodeRoutes(podNetwork, options, _log), new NodePods(pods, fixedPods), services.Synced, stop));
    }

    /// <summary>All of them until cancelled; one that fails takes the others down with it, so that a supervisor sees it.</summary>
    private static async Task RunPartsAsync(CancellationToken cancel, params Func<CancellationToken, Task>[] parts)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var running = parts.Select(part => part(stop.Token)).ToList();
        var all = Task.WhenAll(running);
        try
        {
            await foreach (var ended in Task.WhenEach(running)) await ended;
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
        }
        finally
        {
            await stop.CancelAsync();
            await all.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private Task FollowShutdownAsync(PodLoop pods, NodeRegistration registration, EventRecorder events, CancellationToken cancel)
    {
        if (options.ShutdownGrace is not { } grace) return Task.Delay(Timeout.InfiniteTimeSpan, time, cancel);
        // As kubelet refers to its node in events: by its name alone.
        var self = new V1ObjectReference { Kind = "Node", Name = options.NodeName, Uid = options.NodeName };
        var node = new NodeShutdown(pods, registration, () => events.Normal(self, "Shutdown", "Shutdown manager detected shutdown event"), _log, time);
        return new MachineShutdown(grace, Logind.ConnectAsync, node, _log, time).RunAsync(cancel);
    }

    private string Binary => options.FairleadBinary ?? System.Environment.ProcessPath ?? "/proc/self/exe";

    private PodLoop CreateLoop(IPodApi api, IContainerRuntime runtime, IImageStore images, Informer<V1Service, ServiceFacts> services, MachineFacts machine, PodNetwork podNetwork, AgentMetrics metrics)
    {
        var node = new NodeContext
        {
            Address = options.InternalAddress,
            ClusterDns = options.ClusterDns?.ToString(),
            ClusterDomain = options.ClusterDomain,
            HostName = options.HostName ?? options.NodeName,
            Memory = machine.Memory,
            // No pod is looked at before the node has described itself.
            Offer = () => _offer! with { AllowedSysctls = options.AllowedUnsafeSysctls },
            HasNetwork = () => podNetwork.PodCidr is not null,
            Services = () => services.Items.Values,
        };
        var starter = new ContainerStarter(api, runtime, images, _paths, node);
        return new PodLoop(api, runtime, starter, node, metrics, time, _log);
    }
}
