using System.Text.Json.Nodes;
using Fairlead.Controllers.Cache;
using Fairlead.Kube.Client;
using Fairlead.Kube.Events;
using Fairlead.Kube.Informers;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Controllers.NodeIpam;

/// <summary>
/// Gives each node its pod network (spec.podCIDR, podCIDRs) out of the cluster's. One worker: two nodes can never be
/// given the same block. A block is free again only when its node is gone.
/// </summary>
internal sealed class NodeIpamController : KeyedController<string>
{
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private readonly Caches _caches;
    private readonly KubeClient _client;
    private readonly EventRecorder _events;
    private readonly CidrPool[] _pools;
    private readonly Dictionary<string, ValueList<string>> _assigned = [];

    public NodeIpamController(ControllerContext context)
        : base("nodeipam", workers: 1, context.Log("NodeIpam"), context.Time)
    {
        _caches = context.Caches;
        _client = context.Client;
        _events = context.Recorder("cidrAllocator");
        _pools = Pools(context.Options);
        if (context.Options.AllocateNodeCidrs) _caches.Nodes.Changed += Observe;
    }

    private static CidrPool[] Pools(ControllerOptions options) =>
    [
        .. options.ClusterCidrs.Select(cidr => new CidrPool(
            cidr, cidr.Contains(':', StringComparison.Ordinal) ? options.NodeMaskSizeIPv6 : options.NodeMaskSizeIPv4)),
    ];

    /// <summary>Blocks that nodes have are taken as soon as they are seen, which is for all of them before the first sync.</summary>
    private void Observe(InformerChange<NodeItem> change)
    {
        lock (_lock)
        {
            if (change.New is not { } node)
            {
                if (_assigned.Remove(change.Key.Name, out var freed)) Release(freed);
                else Release(change.Old!.PodCidrs);
                return;
            }
            if (node.PodCidrs.Count > 0)
            {
                if (_assigned.Remove(node.Name, out var planned) && !planned.Equals(node.PodCidrs)) Release(planned);
                foreach (var cidr in node.PodCidrs) Take(cidr);
                return;
            }
        }
        Queue.Add(change.Key.Name);
    }

    protected override async Task SyncAsync(string key, CancellationToken cancel)
    {
        if (_caches.Nodes.Items.GetValueOrDefault(new Kube.ObjectKey("", key)) is not { PodCidrs.Count: 0, Meta.IsDeleting: false } node) return;
        if (Assign(key) is not { } blocks)
        {
            _events.Normal(About(node), "CIDRNotAvailable", $"Node {key} status is now: CIDRNotAvailable");
            Queue.AddAfter(key, Retry);
            return;
        }
        var spec = new JsonObject { ["podCIDR"] = blocks[0], ["podCIDRs"] = new JsonArray([.. blocks.Select(block => (JsonNode)block)]) };
        var patch = new JsonObject { ["metadata"] = new JsonObject { ["uid"] = node.Meta.Uid }, ["spec"] = spec };
        try
        {
            await _client.PatchAsync(ApiResources.Nodes, node.Key, Patch.StrategicMerge(patch), null, cancel);
            NodeIpamLog.Assigned(Logger, key, blocks[0]);
        }
        catch (KubeApiException e) when (e.IsNotFound)
        {
            lock (_lock)
            {
                if (_assigned.Remove(key, out var freed)) Release(freed);
            }
        }
    }

    /// <summary>The blocks planned for the node, the same ones again after a failed write; null when a pool is used up.</summary>
    private ValueList<string>? Assign(string node)
    {
        lock (_lock)
        {
            if (_assigned.TryGetValue(node, out var planned)) return planned;
            var blocks = _pools.Select(pool => pool.Allocate()).ToArray();
            ValueList<string> got = [.. blocks.OfType<string>()];
            if (got.Count == _pools.Length) return _assigned[node] = got;
            Release(got);
            return null;
        }
    }

    private void Take(string cidr)
    {
        foreach (var pool in _pools) pool.Take(cidr);
    }

    private void Release(ValueList<string> cidrs)
    {
        foreach (var cidr in cidrs)
        {
            foreach (var pool in _pools) pool.Release(cidr);
        }
    }

    private static V1ObjectReference About(NodeItem node) => new() { ApiVersion = "v1", Kind = "Node", Name = node.Name, Uid = node.Meta.Uid };
}

internal static partial class NodeIpamLog
{
    [LoggerMessage(3110, LogLevel.Information, "node {Node} has the pod network {Cidr}")]
    public static partial void Assigned(ILogger log, string node, string cidr);
}
