using System.Text.Json.Nodes;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Registration;

/// <summary>The node's heartbeat: a Lease renewed every 10 s (Kubernetes documentation: "Leases", node heartbeats).</summary>
internal sealed class NodeLease(KubeClient client, V1Node node, ILogger log, TimeProvider time)
{
    private const string Namespace = "kube-node-lease";
    private const int Seconds = 40;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(1);

    public async Task RunAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            var wait = Interval;
            try
            {
                await RenewAsync(cancel);
            }
            catch (Exception e) when (e is KubeApiException or HttpRequestException)
            {
                NodeLog.LeaseNotRenewed(log, node.Metadata.Name, e.Message);
                wait = Retry;
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                return;
            }
            await Task.Delay(wait, time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task RenewAsync(CancellationToken cancel)
    {
        var name = node.Metadata.Name;
        // Six digits of a second: the API's MicroTime.
        var now = time.GetUtcNow().UtcDateTime;
        var renewed = new JsonObject { ["renewTime"] = Timestamps.Micro(now) };
        try
        {
            await client.PatchAsync(ApiResources.Leases, new ObjectKey(Namespace, name), Patch.Merge(new JsonObject { ["spec"] = renewed }), null, cancel);
        }
        catch (KubeApiException e) when (e.IsNotFound)
        {
            await client.CreateAsync(ApiResources.Leases, New(name, now), cancel);
        }
    }

    private V1Lease New(string name, DateTime now) => new()
    {
        Metadata = new V1ObjectMeta
        {
            Name = name,
            NamespaceProperty = Namespace,
            OwnerReferences = [new V1OwnerReference { ApiVersion = "v1", Kind = "Node", Name = name, Uid = node.Metadata.Uid }],
        },
        Spec = new V1LeaseSpec { HolderIdentity = name, LeaseDurationSeconds = Seconds, RenewTime = now },
    };
}
