using System.Net;
using System.Net.Sockets;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Events;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Queues;
using Fairlead.Linux.Namespaces;
using Fairlead.Proxy.Apply;
using Fairlead.Proxy.Health;
using Fairlead.Proxy.Plan;
using k8s.Models;

namespace Fairlead.Proxy;

/// <summary>What follows a sync: health check ports, and Events about services that could not be served.</summary>
public sealed partial class ServiceProxy
{
    private static readonly TimeSpan s_retryRefused = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_retryPort = TimeSpan.FromSeconds(5);
    private const int Backlog = 128;

    private sealed record Sources(
        Informer<V1Service, ServiceInfo> Services, Informer<V1EndpointSlice, SliceInfo> Slices, Informer<V1Node, NodeZone> Nodes, ServiceRanges Ranges, EventRecorder Events, HealthCheckPorts Checks);

    private Func<IPEndPoint, Socket> Listener() => point =>
        options.NetworkNamespacePath is { } path ? NetworkNamespace.Run(path, () => Listen(point)) : Listen(point);

    private static Socket Listen(IPEndPoint point)
    {
        var socket = new Socket(point.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            socket.Bind(point);
            socket.Listen(Backlog);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task FollowAsync(ProxyKernel kernel, WorkQueue<ObjectKey> queue, IReadOnlyList<ObjectKey> keys, Sources sources, CancellationToken cancellationToken)
    {
        foreach (ObjectKey key in keys)
        {
            ServiceInfo? service = sources.Services.Items.GetValueOrDefault(key);
            HealthCheck? check = service is { HealthCheckPort: > 0 } ? new HealthCheck(service.HealthCheckPort, ServicePlanner.CountLocal(_slices.Of(key))) : null;
            if (await sources.Checks.SetAsync(key, check) is { } why)
            {
                queue.AddAfter(key, s_retryPort);
                ProxyLog.NotListening(logger, check!.Port, key.ToString(), why);
                await TellAsync(sources.Events, key, "FailedToStartServiceHealthcheck", $"node {options.NodeName} failed to start healthcheck \"{key}\" on port {check.Port}: {why}", cancellationToken);
            }
        }
        foreach ((ObjectKey key, string refusal) in kernel.Refused.Where(refused => keys.Contains(refused.Key)).ToArray())
        {
            Status.Refused();
            queue.AddAfter(key, s_retryRefused);
            await TellAsync(sources.Events, key, "FailedToProgramService", $"node {options.NodeName}: the kernel refused {refusal}; this service is left out, all others are served", cancellationToken);
        }
    }

    /// <summary>An Event about a service, which names its UID, so that `kubectl describe` finds it.</summary>
    private async Task TellAsync(EventRecorder events, ObjectKey key, string reason, string message, CancellationToken cancellationToken)
    {
        try
        {
            if (await client.FindAsync(ApiResources.Services, key.Namespace, key.Name, cancellationToken) is { } service)
            {
                events.Warning(EventRecorder.About(ApiResources.Services, service.Metadata), reason, message);
            }
        }
        catch (Exception failure) when (failure is KubeApiException or HttpRequestException)
        {
            ProxyLog.NotTold(logger, key.ToString(), reason, failure.Message);
        }
    }
}
