using System.Net;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using Fairlead.Node.Network;
using Fairlead.Node.Pods;
using Fairlead.Node.Registration;
using k8s.Models;

namespace Fairlead.Node;

public sealed partial class NodeAgent
{
    /// <summary>Registers, waits for the pod CIDR, and only then runs pods: a leftover is taken down with the network at hand.</summary>
    private async Task RunNodeAsync(
        NodeRegistration registration, PodNetwork network, NodeRoutes routes, PodLoop pods, Task servicesSynced, CancellationToken cancel)
    {
        var node = await registration.RegisterAsync(cancel);
        var configured = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var nodes = new Informer<V1Node, NodePlace>(client, ApiResources.Nodes, NodePlace.Of, _log, time);
        nodes.Changed += change =>
        {
            if (change.New is { PodCidr: { } cidr } self && self.Name == options.NodeName) Configure(registration, network, cidr, configured);
            routes.Apply(nodes.Items.Values);
        };
        if (NodePlace.Of(node).PodCidr is { } known) Configure(registration, network, known, configured);
        await RunPartsAsync(cancel,
            new NodeLease(client, node, _log, time).RunAsync,
            nodes.RunAsync,
            stop => RunPodsAsync(pods, Task.WhenAll(configured.Task, servicesSynced), stop));
    }

    private void Configure(NodeRegistration registration, PodNetwork network, string cidr, TaskCompletionSource configured)
    {
        try
        {
            network.Configure(IPNetwork.Parse(cidr));
            if (options.ClusterNetwork is { } cluster) PodEgress.Configure(network.Node, IPNetwork.Parse(cidr), cluster);
            if (!configured.TrySetResult()) return;
            registration.SetNotReady(null);
            NodeLog.Ready(_log, options.NodeName, cidr, time.GetElapsedTime(_began).TotalMilliseconds);
        }
        catch (Exception e) when (e is IOException or FormatException or InvalidOperationException)
        {
            NodeLog.NetworkFailed(_log, options.NodeName, e.Message);
            registration.SetNotReady($"container runtime network not ready: {e.Message}");
        }
    }

    private async Task RunPodsAsync(PodLoop pods, Task ready, CancellationToken cancel)
    {
        var mine = new ListOptions { FieldSelector = $"spec.nodeName={options.NodeName}" };
        var informer = new Informer<V1Pod, BoundPod>(client, ApiResources.Pods, pod => new BoundPod(pod), _log, time, options: mine);
        informer.Changed += change => pods.Observe(change.Old?.Pod, change.New?.Pod);
        await RunPartsAsync(cancel, informer.RunAsync, async stop =>
        {
            await Task.WhenAll(ready, informer.Synced).WaitAsync(stop);
            await pods.RunAsync(stop);
        });
    }
}

/// <summary>A pod of this node, whole, for running it needs almost all; two of one version are equal.</summary>
internal sealed class BoundPod : IEquatable<BoundPod>
{
    public BoundPod(V1Pod pod)
    {
        pod.Metadata.ManagedFields = null;
        Pod = pod;
    }

    public V1Pod Pod { get; }

    public bool Equals(BoundPod? other) =>
        other is not null && Pod.Metadata.Uid == other.Pod.Metadata.Uid && Pod.Metadata.ResourceVersion == other.Pod.Metadata.ResourceVersion;

    public override bool Equals(object? obj) => Equals(obj as BoundPod);

    public override int GetHashCode() => HashCode.Combine(Pod.Metadata.Uid, Pod.Metadata.ResourceVersion);
}
