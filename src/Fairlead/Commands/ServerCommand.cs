using System.CommandLine;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Fairlead.ApiServer;
using Fairlead.ApiServer.Security;
using Fairlead.ApiServer.Storage;
using Fairlead.Controllers;
using Fairlead.Dns;
using Fairlead.Kube.Client;
using Fairlead.LoadBalancer;
using Fairlead.LoadBalancer.Allocate;
using Fairlead.Terminal;

namespace Fairlead.Commands;

/// <summary>`fairlead server`: the API server and the controllers in one process.</summary>
internal static class ServerCommand
{
    public static Command Create()
    {
        var data = new Option<string>("--data-dir") { Description = "Folder of certificates and store.", DefaultValueFactory = _ => "/var/lib/fairlead/server" };
        var bind = new Option<string>("--bind-address") { Description = "Address to listen on.", DefaultValueFactory = _ => "0.0.0.0" };
        var port = new Option<int>("--secure-port") { Description = "Port to listen on, with TLS.", DefaultValueFactory = _ => 6443 };
        var advertise = new Option<string?>("--advertise-address") { Description = "Address by which nodes and pods reach this server; default: the bind address." };
        var services = new Option<string>("--service-cluster-ip-range") { Description = "Range of cluster IPs.", DefaultValueFactory = _ => "10.96.0.0/16" };
        var pods = new Option<string>("--cluster-cidr") { Description = "Range of pod addresses; each node gets a /24.", DefaultValueFactory = _ => "10.244.0.0/16" };
        var pool = new Option<string?>("--load-balancer-pool") { Description = "Addresses for services of type LoadBalancer: ranges such as 172.18.0.200-172.18.0.250, separated by commas." };
        var tokens = new Option<string?>("--token-auth-file") { Description = "File of bearer tokens: token,user,uid,\"group1,group2\" a line." };
        var forward = new Option<string?>("--dns-forward-address") { Description = "ADDRESS:PORT at which to forward DNS to this machine's resolvers, for nodes that cannot reach them." };
        var verbosity = CommonOptions.Verbosity();
        var command = new Command("server", "Run the API server and the controllers.") { data, bind, port, advertise, services, pods, pool, tokens, forward, verbosity };
        command.SetAction((parse, cancel) => RunAsync(
            new ServerSettings(
                parse.GetValue(data)!, Endpoint(parse.GetValue(bind)!, parse.GetValue(port)), parse.GetValue(advertise),
                Network(parse.GetValue(services)!), parse.GetValue(pods)!, Pools(parse.GetValue(pool)), parse.GetValue(tokens), parse.GetValue(forward), parse.GetValue(verbosity)),
            cancel));
        return command;
    }

    private sealed record ServerSettings(
        string DataDirectory, IPEndPoint Listen, string? Advertise, IPNetwork Services, string Pods, IReadOnlyList<AddressRange> Pools, string? TokenFile, string? DnsForward, int Verbosity);

    private static async Task<int> RunAsync(ServerSettings settings, CancellationToken cancel)
    {
        var time = TimeProvider.System;
        var logs = CommonOptions.Logs(settings.Verbosity);
        var authority = CertificateAuthority.OpenOrCreate(Path.Combine(settings.DataDirectory, "pki"), time);
        var trusted = X509Certificate2.CreateFromPem(authority.CertificatePem);
        var advertise = new IPEndPoint(Advertised(settings), settings.Listen.Port);
        var hosts = new[]
        {
            "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "localhost",
            "127.0.0.1", advertise.Address.ToString(), settings.Listen.Address.ToString(), First(settings.Services),
        };
        await using var server = await ApiServerHost.StartAsync(
            new ApiServerOptions
            {
                Listen = [settings.Listen],
                AdvertiseAddress = advertise,
                ServingCertificate = authority.Issue("kube-apiserver", [], hosts.Distinct()).ToX509(),
                KubeletClientCertificate = authority.Issue("kube-apiserver-kubelet-client", [User.Masters], []).ToX509(),
                ClientAuthorities = [trusted],
                ServiceRange = settings.Services,
                Tokens = settings.TokenFile is { } file ? TokenFile.Read(File.ReadLines(file)) : new Dictionary<string, User>(),
            },
            new SqliteStore(Path.Combine(settings.DataDirectory, "store.db")), logs, time, cancel);
        var local = settings.Listen.Address.Equals(IPAddress.Any) ? new IPEndPoint(IPAddress.Loopback, settings.Listen.Port) : settings.Listen;
        using var client = new KubeClient(
            new KubeClientConfiguration
            {
                Server = new Uri($"https://{local}"),
                CertificateAuthorities = [trusted],
                ClientCertificate = authority.Issue("system:kube-controller-manager", [User.Masters], []).ToX509(),
            },
            "fairlead-controllers");
        var controllers = new ControllerSet(
            client, new ControllerOptions { ClusterCidrs = [settings.Pods], RootCertificate = authority.CertificatePem }, logs, time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var parts = new List<Task> { controllers.RunAsync(stop.Token) };
        if (settings.Pools.Count > 0) parts.Add(new AddressAllocator(client, settings.Pools, logs, time).RunAsync(stop.Token));
        if (settings.DnsForward is { } forwarder)
            parts.Add(new ForwardingDns(DnsCommand.Endpoint(forwarder, "--dns-forward-address"), null, logs, time).RunAsync(stop.Token));
        await await Task.WhenAny(parts);
        await stop.CancelAsync();
        await Task.WhenAll(parts).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return 0;
    }

    private static IReadOnlyList<AddressRange> Pools(string? text) =>
    [
        .. (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(part => AddressRange.TryParse(part, out var range) ? range : throw new UserException($"{part} is not a range such as 172.18.0.200-172.18.0.250")),
    ];

    private static IPAddress Advertised(ServerSettings settings)
    {
        if (settings.Advertise is { } text)
            return IPAddress.TryParse(text, out var address) ? address : throw new UserException($"--advertise-address {text} is not an address");
        if (!settings.Listen.Address.Equals(IPAddress.Any)) return settings.Listen.Address;
        throw new UserException("--advertise-address is needed where --bind-address is 0.0.0.0: name the address by which nodes reach this machine");
    }

    private static string First(IPNetwork range)
    {
        var bytes = range.BaseAddress.GetAddressBytes();
        bytes[^1]++;
        return new IPAddress(bytes).ToString();
    }

    private static IPEndPoint Endpoint(string address, int port) =>
        IPAddress.TryParse(address, out var parsed) ? new IPEndPoint(parsed, port) : throw new UserException($"--bind-address {address} is not an address");

    private static IPNetwork Network(string text) =>
        IPNetwork.TryParse(text, out var range) ? range : throw new UserException($"{text} is not a range such as 10.96.0.0/16");
}
