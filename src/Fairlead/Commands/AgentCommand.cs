using System.CommandLine;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Fairlead.Cluster;
using Fairlead.Dns;
using Fairlead.Kube.Client;
using Fairlead.Linux.Processes;
using Fairlead.LoadBalancer.Announce;
using Fairlead.Node;
using Fairlead.Proxy;
using Fairlead.Proxy.Health;
using Fairlead.Terminal;
using Microsoft.Extensions.Logging;

namespace Fairlead.Commands;

/// <summary>`fairlead agent`: a node: its pods, its part of the load balancer and its DNS, in one process.</summary>
internal static class AgentCommand
{
    public static Command Create()
    {
        var kubeconfig = CommonOptions.RequiredKubeconfig();
        var cluster = new Option<string>("--cluster") { Description = "Name of the cluster, in folder and cgroup names.", DefaultValueFactory = _ => ClusterPaths.DefaultName };
        var node = new Option<string>("--node-name") { Description = "Name of this node; default: the host name.", DefaultValueFactory = _ => System.Net.Dns.GetHostName() };
        var address = new Option<string>("--node-ip") { Description = "Address by which the other nodes and the server reach this node.", Required = true };
        var dns = new Option<string?>("--cluster-dns") { Description = "Address of the cluster's DNS service, for pods." };
        var upstreams = DnsCommand.Upstreams();
        var pods = new Option<string>("--cluster-cidr") { Description = "Range of pod addresses.", DefaultValueFactory = _ => "10.244.0.0/16" };
        var services = new Option<string>("--service-cluster-ip-range") { Description = "Range of cluster IPs.", DefaultValueFactory = _ => "10.96.0.0/16" };
        var certificate = new Option<string>("--tls-cert-file") { Description = "Certificate of this node's kubelet API.", Required = true };
        var key = new Option<string>("--tls-private-key-file") { Description = "Key of that certificate.", Required = true };
        var clients = new Option<string>("--client-ca-file") { Description = "Signer of the certificates of the kubelet API's clients.", Required = true };
        var runtime = new Option<string>("--runtime") { Description = "OCI runtime: runc or crun.", DefaultValueFactory = _ => "runc" };
        var verbosity = CommonOptions.Verbosity();
        var command = new Command("agent", "Run a node: its pods, its part of the load balancer, and its DNS.")
        {
            kubeconfig, cluster, node, address, dns, upstreams, pods, services, certificate, key, clients, runtime, verbosity,
        };
        command.SetAction(async (parse, cancel) =>
        {
            if (!ProcessHandle.IsRoot) throw new UserException("the agent makes namespaces and mounts; run it as root");
            var options = new NodeAgentOptions
            {
                ClusterName = parse.GetValue(cluster)!,
                NodeName = parse.GetValue(node)!,
                InternalAddress = IPAddress.Parse(parse.GetValue(address)!),
                ClusterDns = parse.GetValue(dns) is { } text ? IPAddress.Parse(text) : null,
                ClusterNetwork = ProxyCommand.Networks(parse.GetValue(pods)).Select(network => (IPNetwork?)network).FirstOrDefault(),
                ServingCertificate = X509Certificate2.CreateFromPemFile(parse.GetValue(certificate)!, parse.GetValue(key)),
                ClientAuthorities = [X509CertificateLoader.LoadCertificateFromFile(parse.GetValue(clients)!)],
                Runtime = parse.GetValue(runtime) == "crun" ? OciRuntimeKind.Crun : OciRuntimeKind.Runc,
            };
            var proxy = new ServiceProxyOptions
            {
                NodeName = options.NodeName,
                ClusterNetworks = ProxyCommand.Networks(parse.GetValue(pods)),
                ServiceNetworks = ProxyCommand.Networks(parse.GetValue(services)),
            };
            var names = options.ClusterDns is null ? null : new ClusterDnsOptions
            {
                Listen = [new IPEndPoint(options.InternalAddress, DnsEndpoint.Port)],
                ClusterDomain = options.ClusterDomain,
                Upstreams = DnsCommand.Servers(parse.GetValue(upstreams)),
            };
            await RunAsync(parse.GetValue(kubeconfig)!, options, proxy, names, CommonOptions.Logs(parse.GetValue(verbosity)), cancel);
            return 0;
        });
        return command;
    }

    private static async Task RunAsync(
        string kubeconfig, NodeAgentOptions node, ServiceProxyOptions proxy, ClusterDnsOptions? names, ILoggerFactory logs, CancellationToken cancel)
    {
        using var client = new KubeClient(KubeClientConfiguration.FromFile(kubeconfig), "fairlead-agent");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var balancer = new ServiceProxy(client, proxy, logs.CreateLogger<ServiceProxy>(), TimeProvider.System);
        await using var health = await ProxyHealthServer.StartAsync(
            balancer.Status, [new IPEndPoint(IPAddress.Any, 10256), new IPEndPoint(IPAddress.Loopback, 10249)], logs, cancel);
        var parts = new List<Task>
        {
            new NodeAgent(client, node, logs, TimeProvider.System).RunAsync(stop.Token),
            balancer.RunAsync(stop.Token),
            new AddressAnnouncer(client, node.NodeName, node.InternalAddress, logs, TimeProvider.System).RunAsync(stop.Token),
        };
        if (names is not null)
        {
            var dns = new ClusterDns(client, names, logs, TimeProvider.System);
            parts.Add(dns.RunAsync(stop.Token));
            parts.Add(new DnsEndpoint(client, node.NodeName, node.InternalAddress, dns.Ready, logs.CreateLogger<DnsEndpoint>(), TimeProvider.System).RunAsync(stop.Token));
        }
        // None is worth much without the others: the first to end ends the process, and its failure is told.
        await await Task.WhenAny(parts);
        await stop.CancelAsync();
        await Task.WhenAll(parts).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
