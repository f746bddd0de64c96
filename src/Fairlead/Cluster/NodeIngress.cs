using System.Net;
using Fairlead.Dns;
using Fairlead.Ingress;
using Fairlead.Kube.Client;
using Fairlead.Node;
using Microsoft.Extensions.Logging;

namespace Fairlead.Cluster;

/// <summary>The ingress of a node, under its own name at the API server, behind the Service fairlead-system/ingress.</summary>
internal sealed class NodeIngress : IDisposable
{
    /// <summary>/healthz and /metrics, where ingress-nginx has them.</summary>
    private const int StatusPort = 10254;
    private readonly KubeClient _client;
    private readonly IngressController _controller;

    public NodeIngress(string kubeconfig, NodeAgentOptions node, ClusterDnsOptions? names, ILoggerFactory logs)
    {
        _client = new KubeClient(KubeClientConfiguration.FromFile(kubeconfig), "fairlead-ingress");
        var ports = NodeService.Ingress.Ports;
        _controller = new IngressController(_client, new IngressOptions
        {
            Http = [new IPEndPoint(node.InternalAddress, ports[0].Port)],
            Https = [new IPEndPoint(node.InternalAddress, ports[1].Port)],
            Status = [new IPEndPoint(node.InternalAddress, StatusPort)],
            PublishService = NodeService.Ingress.Key,
            NodeName = node.NodeName,
            // An agent is stopped with its node, or to be replaced at once.
            ShutdownGrace = TimeSpan.FromMilliseconds(300),
            // A node is in a namespace from which this machine's resolvers may be out of reach; its own DNS knows the way, and the cluster's names.
            Resolve = names is null ? null : new NodeResolver(names.Listen[0]).ResolveAsync,
        }, logs, TimeProvider.System);
    }

    public Task Ready => _controller.Ready;

    public Task RunAsync(CancellationToken cancel) => _controller.RunAsync(cancel);

    public void Dispose()
    {
        _controller.Dispose();
        _client.Dispose();
    }
}
