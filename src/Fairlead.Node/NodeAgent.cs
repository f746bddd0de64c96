using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Events;
using Fairlead.Kube.Informers;
using Fairlead.Linux.Namespaces;
using Fairlead.Node.Api;
using Fairlead.Node.Environment;
using Fairlead.Node.Network;
using Fairlead.Node.Pods;
using Fairlead.Node.Registration;
using Fairlead.Node.Runtime;
using Fairlead.Node.Runtime.Oci;
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
    private readonly long _began = time.GetTimestamp();

    /// <summary>Runs until cancelled.</summary>
    /// <exception cref="NodeStartException">Something that the node needs is missing; the message says what to do.</exception>
    public async Task RunAsync(CancellationToken cancel)
    {
        using var network = NetworkNamespace.OpenCurrent();
        var tools = await OciTools.FindAsync(options, cancel);
        _paths.CreateFolders();
        var machine = MachineFacts.Read(_paths.Root);
        var podNetwork = new PodNetwork(network, options.BridgeName, _paths.Addresses);
        using var runtime = new OciRuntime(
            options.Runtime, tools.Version, new OciCommand(tools.Runtime, tools.Conmon, _paths.RuntimeState), _paths, podNetwork, time, _log);
        var registration = new NodeRegistration(client, options, machine, $"{runtime.Name}://{tools.Version}", _log, time);
        var events = new EventRecorder(client, "kubelet", options.NodeName, _log, time);
        var services = new Informer<V1Service, ServiceFacts>(client, ApiResources.Services, ServiceFacts.Of, _log, time);
        using var pods = CreateLoop(new PodApi(client, events), runtime, services, machine);
        await using var kubelet = new KubeletServer(options, pods, runtime, logs);
        await kubelet.StartAsync(cancel);
        await RunPartsAsync(cancel,
            events.RunAsync,
            services.RunAsync,
            registration.RunAsync,
            stop => RunNodeAsync(registration, podNetwork, new NodeRoutes(network, options.NodeName, _log), pods, services.Synced, stop));
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

    private PodLoop CreateLoop(PodApi api, OciRuntime runtime, Informer<V1Service, ServiceFacts> services, MachineFacts machine)
    {
        var node = new NodeContext
        {
            Address = options.InternalAddress,
            ClusterDns = options.ClusterDns?.ToString(),
            ClusterDomain = options.ClusterDomain,
            HostName = options.HostName ?? options.NodeName,
            Memory = machine.Memory,
            Services = () => services.Items.Values,
        };
        var binary = options.FairleadBinary ?? System.Environment.ProcessPath ?? "/proc/self/exe";
        var starter = new ContainerStarter(api, runtime, new HostImageStore(binary), _paths, node);
        return new PodLoop(api, runtime, starter, node, time, _log);
    }
}
