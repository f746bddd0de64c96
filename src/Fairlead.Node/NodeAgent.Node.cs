using System.Net;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using Fairlead.Node.Network;
using Fairlead.Node.Pods;
using Fairlead.Node.Pods.Static;
using Fairlead.Node.Registration;
using k8s.Models;

namespace Fairlead.Node;

public sealed partial class NodeAgent
{
    /// <summary>
    /// Registers, waits for the pod CIDR, and only then runs the API's pods: a leftover is taken down with the network at hand. Those of the
    /// node's files run from the start, whether or not there is a server.
    /// </summary>
    private async Task RunNodeAsync(
        NodeRegistration registration, PodNetwork network, NodeRoutes routes, NodePods pods, Task servicesSynced, CancellationToken cancel)
    {
        _offer = NodeOffer.Of(registration.Describe());
        var configured = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (pods.Static is not null && File.Exists(_paths.PodCidr)) Configure(registration, network, await File.ReadAllTextAsync(_paths.PodCidr, cancel), configured);
        var listed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await RunPartsAsync(cancel,
            stop => RunPodsAsync(pods, listed.Task, stop),
            stop => RunRegisteredAsync(registration, network, routes, pods, configured, servicesSynced, listed, stop));
    }

    private async Task RunRegisteredAsync(
        NodeRegistration registration, PodNetwork network, NodeRoutes routes, NodePods pods, TaskCompletionSource configured, Task servicesSynced, TaskCompletionSource listed,
        CancellationToken cancel)
    {
        var node = await registration.RegisterAsync(cancel);
        var nodes = new Informer<V1Node, NodePlace>(client, ApiResources.Nodes, one => NodePlace.Of(one, options.NodeName), _log, time);
        _offer = NodeOffer.Of(node);
        _self = new V1OwnerReference { ApiVersion = "v1", Kind = "Node", Name = node.Metadata.Name, Uid = node.Metadata.Uid, Controller = true };
        nodes.Changed += change =>
        {
            if (change.New?.Offer is { } offer) _offer = offer;
            if (change.New is { PodCidr: { } cidr } self && self.Name == options.NodeName) Configure(registration, network, cidr, configured);
            // Heard of again: the lease alone does not say so, the conditions must.
            if (change.New is { IsGivenUp: true } lost && lost.Name == options.NodeName) registration.Report();
            routes.Apply(nodes.Items.Values);
        };
        if (NodePlace.Of(node, options.NodeName).PodCidr is { } known) Configure(registration, network, known, configured);
        await RunPartsAsync(cancel,
            new NodeLease(client, node, _log, time).RunAsync,
            nodes.RunAsync,
            stop => FollowPodsAsync(pods, Task.WhenAll(configured.Task, servicesSynced), listed, stop));
    }

    private void Configure(NodeRegistration registration, PodNetwork network, string cidr, TaskCompletionSource configured)
    {
        try
        {
            network.Configure(IPNetwork.Parse(cidr));
            if (options.ClusterNetwork is { } cluster) PodEgress.Configure(network.Node, IPNetwork.Parse(cidr), cluster);
            if (_range != cidr) File.WriteAllText(_paths.PodCidr, cidr);
            _range = cidr;
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

    /// <summary>Until cancelled; where no pods are but the API's, from its first list on.</summary>
    private static async Task RunPodsAsync(NodePods pods, Task listed, CancellationToken cancel)
    {
        if (pods.Static is not { } files)
        {
            await listed.WaitAsync(cancel);
            await pods.Loop.RunAsync(listed, cancel);
            return;
        }
        files.Changed += pods.Loop.Observe;
        // What these tell comes before the loop takes down what nobody told of.
        files.Load();
        await RunPartsAsync(cancel, stop => pods.Loop.RunAsync(listed, stop), stop => files.RunAsync(listed, stop));
    }

    /// <summary>Follows the API's pods of this node.</summary>
    /// <param name="listed">Completed when the first list has been observed and the node is ready for it.</param>
    private async Task FollowPodsAsync(NodePods pods, Task ready, TaskCompletionSource listed, CancellationToken cancel)
    {
        var mine = new ListOptions { FieldSelector = $"spec.nodeName={options.NodeName}" };
        var informer = new Informer<V1Pod, BoundPod>(client, ApiResources.Pods, pod => new BoundPod(pod), _log, time, options: mine);
        // Where the loop runs already, a pod that is told of starts: none is, before the node is ready for it.
        if (pods.Static is not null) await ready.WaitAsync(cancel);
        informer.Changed += change => pods.Observe(change.Old?.Pod, change.New?.Pod);
        await RunPartsAsync(cancel, informer.RunAsync, async stop =>
        {
            await Task.WhenAll(ready, informer.Synced).WaitAsync(stop);
            listed.TrySetResult();
        });
    }
}

/// <summary>The pods that the API has for the node, and those that its files describe.</summary>
/// <param name="Static">Null: there is no folder of such files.</param>
internal sealed record NodePods(PodLoop Loop, StaticPods? Static)
{
    /// <summary>A change in the API; a mirror is no pod to run, and without files an old one is left to who deletes it.</summary>
    public void Observe(V1Pod? old, V1Pod? now)
    {
        var isMirror = (now ?? old) is { } any && StaticPodFile.IsMirror(any);
        if (!isMirror) Loop.Observe(old, now);
        else Static?.ObserveMirror(old, now);
    }
}

/// <summary>A pod of this node, whole, for running it needs almost all; two of one version are equal.</summary>
internal sealed class BoundPod : IEquatable<BoundPod>
{
    public BoundPod(V1Pod pod)
    {
        pod.Metadata.ManagedFields = null;
        // Between the parts; no affair of the pod's own.
        pod.Metadata.Annotations?.Remove(PodAnnotations.ReadinessVerdict);
        // Whoever writes that of a pod in the API, no file of this node is its source.
        if (StaticPodFile.IsStatic(pod)) pod.Metadata.Annotations![StaticPodFile.SourceAnnotation] = "api";
        Pod = pod;
    }

    public V1Pod Pod { get; }

    public bool Equals(BoundPod? other) =>
        other is not null && Pod.Metadata.Uid == other.Pod.Metadata.Uid && Pod.Metadata.ResourceVersion == other.Pod.Metadata.ResourceVersion;

    public override bool Equals(object? obj) => Equals(obj as BoundPod);

    public override int GetHashCode() => HashCode.Combine(Pod.Metadata.Uid, Pod.Metadata.ResourceVersion);
}
