using System.CommandLine;
using System.Net;
using Fairlead.Dns;
using Fairlead.Dns.Health;
using Fairlead.Kube.Client;
using Fairlead.Terminal;

namespace Fairlead.Commands;

/// <summary>`fairlead dns`: the cluster's DNS alone, against any API server, in place of CoreDNS.</summary>
internal static class DnsCommand
{
    public const int DefaultPort = 53;

    public static Command Create()
    {
        var kubeconfig = CommonOptions.RequiredKubeconfig();
        var listen = new Option<string[]>("--listen") { Description = "ADDRESS:PORT to answer at, over UDP and TCP; several are allowed.", DefaultValueFactory = _ => ["0.0.0.0:53"] };
        var domain = new Option<string>("--cluster-domain") { Description = "The cluster's domain.", DefaultValueFactory = _ => "cluster.local" };
        var upstreams = Upstreams();
        var ttl = new Option<int>("--ttl") { Description = "Seconds for which clients may keep answers about the cluster.", DefaultValueFactory = _ => 5 };
        var workers = new Option<int>("--workers") { Description = "Threads that answer over UDP; 0: one a processor." };
        var health = new Option<string[]>("--health-address") { Description = "ADDRESS:PORT of /health, /ready and /metrics; several are allowed. Default: none." };
        var verbosity = CommonOptions.Verbosity();
        var command = new Command("dns", "Run the cluster's DNS against any Kubernetes API server.") { kubeconfig, listen, domain, upstreams, ttl, workers, health, verbosity };
        command.SetAction(async (parse, cancel) =>
        {
            var options = new ClusterDnsOptions
            {
                Listen = [.. parse.GetValue(listen)!.Select(text => Endpoint(text, "--listen"))],
                ClusterDomain = parse.GetValue(domain)!,
                Upstreams = Servers(parse.GetValue(upstreams)),
                TimeToLive = parse.GetValue(ttl),
                Workers = parse.GetValue(workers),
            };
            if (options.Validate() is { Count: > 0 } errors) throw new UserException(string.Join("; ", errors));
            using var client = new KubeClient(KubeClientConfiguration.FromFile(parse.GetValue(kubeconfig)!), "fairlead-dns");
            var logs = CommonOptions.Logs(parse.GetValue(verbosity));
            var dns = new ClusterDns(client, options, logs, TimeProvider.System);
            var addresses = (parse.GetValue(health) ?? []).Select(text => Endpoint(text, "--health-address")).ToList();
            await using var server = addresses.Count == 0 ? null : await DnsHealthServer.StartAsync(dns.Status, addresses, logs, cancel);
            await dns.RunAsync(cancel);
            return 0;
        });
        return command;
    }

    internal static Option<string[]> Upstreams() => new("--upstream")
    {
        Description = "ADDRESS[:PORT] of a server to ask for other names; several are allowed. Default: those in /etc/resolv.conf.",
    };

    /// <summary>Null where none is given.</summary>
    internal static IReadOnlyList<IPEndPoint>? Servers(string[]? texts) =>
        texts is { Length: > 0 } ? [.. texts.Select(text => Endpoint(text, "--upstream"))] : null;

    internal static IPEndPoint Endpoint(string text, string option)
    {
        if (!IPEndPoint.TryParse(text, out var endpoint)) throw new UserException($"{option} {text} is not an address such as 10.0.0.1:53");
        return endpoint.Port == 0 ? new IPEndPoint(endpoint.Address, DefaultPort) : endpoint;
    }
}
