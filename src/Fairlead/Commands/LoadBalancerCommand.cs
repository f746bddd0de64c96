using System.CommandLine;
using System.Net;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Health;
using Fairlead.Kube.Leases;
using Fairlead.Linux.Processes;
using Fairlead.LoadBalancer;
using Fairlead.LoadBalancer.Allocate;
using Fairlead.LoadBalancer.Announce;
using Fairlead.Terminal;
using Microsoft.AspNetCore.Http;

namespace Fairlead.Commands;

/// <summary>`fairlead loadbalancer`: addresses for services of type LoadBalancer on any cluster, in place of MetalLB; one on each node.</summary>
internal static class LoadBalancerCommand
{
    public static Command Create()
    {
        var kubeconfig = CommonOptions.RequiredKubeconfig();
        var pool = new Option<string>("--addresses") { Description = "Addresses to give: ranges such as 192.0.2.10-192.0.2.50, 192.0.2.0/28 or 2001:db8::/120, separated by commas; the same on every node.", Required = true };
        var node = new Option<string>("--hostname-override") { Description = "Name of this node; default: the host name.", DefaultValueFactory = _ => System.Net.Dns.GetHostName() };
        var address = new Option<string>("--node-ip") { Description = "Address of this node on the link whose neighbours are to reach the addresses.", Required = true };
        var itsClass = new Option<string?>("--load-balancer-class") { Description = $"Serve services of this loadBalancerClass alone; default: those of {AnnouncerOptions.OwnClass} and those without." };
        var leases = new Option<string>("--leader-elect-resource-namespace") { Description = "Namespace of the Leases by which the nodes agree.", DefaultValueFactory = _ => "kube-system" };
        var bgp = new BgpCommandOptions();
        var metrics = new Option<string?>("--metrics-bind-address") { Description = "Where /metrics answers, for example 127.0.0.1:7472; default: nowhere." };
        var verbosity = CommonOptions.Verbosity();
        var command = new Command("loadbalancer", "Give services of type LoadBalancer addresses and answer for them, on any Kubernetes cluster.") { kubeconfig, pool, node, address, itsClass, leases, metrics, verbosity };
        foreach (var option in bgp.All) command.Add(option);
        command.SetAction(async (parse, cancel) =>
        {
            if (!ProcessHandle.IsRoot) throw new UserException("the load balancer gives this node addresses; run it as root");
            var pools = ServerCommand.Pools(parse.GetValue(pool));
            var options = new AnnouncerOptions
            {
                NodeName = parse.GetValue(node)!,
                NodeAddress = IPAddress.TryParse(parse.GetValue(address), out var own) ? own : throw new UserException($"--node-ip {parse.GetValue(address)} is not an address"),
                OnlyClass = parse.GetValue(itsClass),
                LeaseNamespace = parse.GetValue(leases)!,
                Bgp = bgp.Read(parse),
                KeepsLayer2 = bgp.KeepsLayer2(parse),
            };
            using var client = new KubeClient(KubeClientConfiguration.FromFile(parse.GetValue(kubeconfig)!), "fairlead-loadbalancer");
            var logs = CommonOptions.Logs(parse.GetValue(verbosity));
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            var announcing = new NodeAnnouncing(client, options, logs, TimeProvider.System);
            await using var status = parse.GetValue(metrics) is { } listen ? await MetricsAsync(ProxyCommand.Endpoint(listen), announcing, logs, cancel) : null;
            Task[] parts =
            [
                announcing.RunAsync(stop.Token),
                new LeaderLease(client, new ObjectKey(options.LeaseNamespace, "fairlead-lb-allocator"), options.NodeName, logs.CreateLogger("loadbalancer"), TimeProvider.System).RunAsync(
                    leading => new AddressAllocator(client, pools, logs, TimeProvider.System, options.OnlyClass).RunAsync(leading), stop.Token),
            ];
            var first = await Task.WhenAny(parts);
            await stop.CancelAsync();
            await Task.WhenAll(parts).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await first;
            return 0;
        });
        return command;
    }

    private static Task<StatusServer> MetricsAsync(IPEndPoint listen, NodeAnnouncing announcing, LineLoggerFactory logs, CancellationToken cancel) => StatusServer.StartAsync(
        [listen],
        async context =>
        {
            context.Response.StatusCode = context.Request.Path == "/metrics" ? StatusCodes.Status200OK : StatusCodes.Status404NotFound;
            if (context.Response.StatusCode != StatusCodes.Status200OK) return;
            var text = new PrometheusText();
            text.Process();
            context.Response.ContentType = PrometheusText.MediaType;
            await context.Response.WriteAsync(text + announcing.Metrics(), context.RequestAborted);
        },
        logs, cancel: cancel);
}
