using System.CommandLine;
using System.Net;
using Fairlead.Cluster;
using Fairlead.Dns;
using Fairlead.Join;
using Fairlead.Kube.Client;
using Fairlead.Linux.Processes;
using Fairlead.LoadBalancer.Announce;
using Fairlead.Node;
using Fairlead.Node.Certificates;
using Fairlead.Node.Tunnel;
using Fairlead.Proxy;
using Fairlead.Proxy.Health;
using Fairlead.Terminal;
using Microsoft.Extensions.Logging;

namespace Fairlead.Commands;

/// <summary>`fairlead agent`: a node: its pods, its part of the load balancer, its DNS and its ingress, in one process.</summary>
internal static class AgentCommand
{
    public static Command Create()
    {
        var options = new AgentCommandOptions();
        var verbosity = CommonOptions.Verbosity();
        var command = new Command("agent", "Join a cluster and run a node: its pods, its part of the load balancer, its DNS and its ingress.");
        foreach (var option in options.All) command.Add(option);
        command.Add(verbosity);
        command.SetAction(async (parse, cancel) =>
        {
            if (!ProcessHandle.IsRoot) throw new UserException("the agent makes namespaces and mounts; run it as root");
            var logs = CommonOptions.Logs(parse.GetValue(verbosity));
            await RunAsync(await options.ResolveAsync(parse, logs.CreateLogger("join"), cancel), logs, cancel);
            return 0;
        });
        return command;
    }

    private static async Task RunAsync(AgentPlan plan, LineLoggerFactory logs, CancellationToken cancel)
    {
        var (node, names, time) = (plan.Node, plan.Names, TimeProvider.System);
        using var client = new KubeClient(plan.Client, "fairlead-agent");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var balancer = new ServiceProxy(client, plan.Proxy, logs.CreateLogger<ServiceProxy>(), time);
        var announcing = new NodeAnnouncing(client, plan.Announcer, logs, time);
        await using var health = await ProxyHealthServer.StartAsync(
            balancer.Status, [new IPEndPoint(IPAddress.Any, 10256), new IPEndPoint(IPAddress.Loopback, 10249)], logs, cancel, announcing.Metrics);
        var parts = new List<Task>
        {
            new NodeAgent(client, node, logs, time).RunAsync(stop.Token),
            balancer.RunAsync(stop.Token),
            announcing.RunAsync(stop.Token),
        };
        if (plan.Joined is { } joined)
        {
            parts.AddRange(Renewals(joined, client, node, logs.CreateLogger("join"), time).Select(renewal => renewal.RunAsync(stop.Token)));
            // Nobody said that the server reaches this machine.
            parts.Add(new ServerTunnel(client, node.NodeName, node.KubeletPort, logs.CreateLogger("tunnel"), time).RunAsync(stop.Token));
        }
        if (names is not null)
        {
            var dns = new ClusterDns(client, names.Options, logs, time);
            parts.Add(DnsCommand.RunAsync(dns, names, logs, stop.Token));
            parts.Add(Endpoint(NodeService.Dns, dns.Ready));
        }
        using var web = plan.Ingress is null ? null : new NodeIngress(plan.Ingress, node, names?.Options, logs);
        if (web is not null)
        {
            parts.Add(web.RunAsync(stop.Token));
            parts.Add(Endpoint(NodeService.Ingress, web.Ready));
        }
        // None is worth much without the others: the first to end ends the process, and its failure is told.
        await await Task.WhenAny(parts);
        await stop.CancelAsync();
        await Task.WhenAll(parts).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        Task Endpoint(NodeService service, Task ready) =>
            new NodeEndpoint(client, node.NodeName, node.InternalAddress, service, ready, logs.CreateLogger<NodeEndpoint>(), time).RunAsync(stop.Token);
    }

    /// <summary>A node that joined keeps its own certificates good: as the API server's client, and of its kubelet API.</summary>
    private static IEnumerable<CertificateRenewal> Renewals(JoinedNode joined, KubeClient client, NodeAgentOptions node, ILogger log, TimeProvider time)
    {
        var requests = new CertificateRequests(log, time);
        yield return new CertificateRenewal(
            client, WantedCertificate.Client(node.NodeName), joined.Identity, pem => joined.Folder.WriteClient(joined.Client.Server, joined.Authority, pem), requests, log, time);
        yield return new CertificateRenewal(
            client, WantedCertificate.Serving(node.NodeName, node.InternalAddress), joined.Serving, joined.Folder.WriteServing, requests, log, time);
    }
}
