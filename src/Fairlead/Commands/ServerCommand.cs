using System.CommandLine;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Fairlead.ApiServer;
using Fairlead.ApiServer.Security;
using Fairlead.ApiServer.Security.Tokens;
using Fairlead.ApiServer.Storage;
using Fairlead.ApiServer.Storage.Etcd;
using Fairlead.Controllers;
using Fairlead.Dns;
using Fairlead.Join;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Leases;
using Fairlead.LoadBalancer;
using Fairlead.LoadBalancer.Allocate;
using Fairlead.Terminal;
using Microsoft.Extensions.Logging;

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
        var services = new Option<string>("--service-cluster-ip-range") { Description = "Range of cluster IPs, or one of each address family, separated by a comma: the first is the default.", DefaultValueFactory = _ => "10.96.0.0/16" };
        var pods = new Option<string>("--cluster-cidr") { Description = "Range of pod addresses, or one of each address family, separated by a comma; each node gets a /24, of IPv6 a /64.", DefaultValueFactory = _ => "10.244.0.0/16" };
        var pool = new Option<string?>("--load-balancer-pool") { Description = "Addresses for services of type LoadBalancer: ranges such as 172.18.0.200-172.18.0.250, separated by commas." };
        var tokens = new Option<string?>("--token-auth-file") { Description = "File of bearer tokens: token,user,uid,\"group1,group2\" a line." };
        var forward = new Option<string?>("--dns-forward-address") { Description = "ADDRESS:PORT at which to forward DNS to this machine's resolvers, for nodes that cannot reach them." };
        var plugins = new Option<string?>("--disable-admission-plugins") { Description = "Admission plugins to leave out, separated by commas: DefaultIngressClass, LimitRanger, Priority, ResourceQuota, ServiceAccount." };
        var join = new Option<bool>("--join-command") { Description = "Print the command by which machines join, once the server is ready.", DefaultValueFactory = _ => true };
        var etcd = new EtcdCommandOptions();
        var verbosity = CommonOptions.Verbosity();
        var command = new Command("server", "Run the API server and the controllers.") { data, bind, port, advertise, services, pods, pool, tokens, forward, plugins, join, verbosity };
        etcd.AddTo(command);
        var protection = new ServerProtection();
        protection.AddTo(command);
        command.SetAction((parse, cancel) => RunAsync(
            new ServerSettings(
                parse.GetValue(data)!, Endpoint(parse.GetValue(bind)!, parse.GetValue(port)), parse.GetValue(advertise),
                ProxyCommandOptions.Networks(parse.GetValue(services)), parse.GetValue(pods)!, Pools(parse.GetValue(pool)), parse.GetValue(tokens), parse.GetValue(forward), (parse.GetValue(plugins) ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries), parse.GetValue(join), protection.Read(parse), parse.GetValue(verbosity), etcd.Read(parse)),
            cancel));
        return command;
    }

    private sealed record ServerSettings(
        string DataDirectory, IPEndPoint Listen, string? Advertise, IReadOnlyList<IPNetwork> Services, string Pods, IReadOnlyList<AddressRange> Pools, string? TokenFile, string? DnsForward, IReadOnlyCollection<string> DisabledAdmission, bool PrintsJoinCommand, Func<ApiServerOptions, ApiServerOptions> Protect, int Verbosity, EtcdOptions? Etcd);

    private static async Task<int> RunAsync(ServerSettings settings, CancellationToken cancel)
    {
        var time = TimeProvider.System;
        var logs = CommonOptions.Logs(settings.Verbosity);
        var authority = CertificateAuthority.OpenOrCreate(Path.Combine(settings.DataDirectory, "pki"), time);
        var trusted = X509Certificate2.CreateFromPem(authority.CertificatePem);
        var advertise = new IPEndPoint(Advertised(settings), settings.Listen.Port);
        string[] hosts =
        [
            "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "localhost",
            "127.0.0.1", advertise.Address.ToString(), settings.Listen.Address.ToString(), .. settings.Services.Select(First),
        ];
        ServerControllers? controllers = null;
        await using var server = await ApiServerHost.StartAsync(
            settings.Protect(new ApiServerOptions
            {
                Listen = [settings.Listen],
                AdvertiseAddress = advertise,
                ServingCertificate = authority.Issue("kube-apiserver", [], hosts.Distinct()).ToX509(),
                KubeletClientCertificate = authority.Issue("kube-apiserver-kubelet-client", [User.Masters], []).ToX509(),
                ClientAuthorities = [trusted],
                ServiceAccountKey = ServiceAccountKey.OpenOrCreate(Path.Combine(settings.DataDirectory, "pki")),
                ServiceRanges = settings.Services,
                DisabledAdmission = settings.DisabledAdmission,
                Tokens = settings.TokenFile is { } file ? TokenFile.Read(File.ReadLines(file)) : new Dictionary<string, User>(),
                Components = [new("scheduler", () => controllers?.Failure), new("controller-manager", () => controllers?.Failure)],
            }),
            settings.Etcd is { } etcd ? new EtcdStore(etcd, logs, time) : new SqliteStore(Path.Combine(settings.DataDirectory, "store.db")), logs, time, cancel);
        var local = settings.Listen.Address.Equals(IPAddress.Any) ? new IPEndPoint(IPAddress.Loopback, settings.Listen.Port) : settings.Listen;
        using var client = new KubeClient(
            new KubeClientConfiguration
            {
                Server = new Uri($"https://{local}"),
                CertificateAuthorities = [trusted],
                ClientCertificate = authority.Issue("system:kube-controller-manager", [User.Masters], []).ToX509(),
            },
            "fairlead-controllers");
        // The same after a restart: nobody else can be at this address, and the lease of before need not be waited for.
        var identity = settings.Etcd is null ? null : $"{System.Net.Dns.GetHostName()}_{advertise}";
        controllers = new ServerControllers(
            client, new ControllerOptions { ClusterCidrs = settings.Pods.Split(','), RootCertificate = authority.CertificatePem, Signer = authority, ServerNames = hosts }, settings.Pools, identity, logs, time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var parts = new List<Task> { controllers.RunAsync(stop.Token) };
        if (settings.DnsForward is { } forwarder)
            parts.Add(new ForwardingDns(DnsCommand.Endpoint(forwarder, "--dns-forward-address"), null, logs, time).RunAsync(stop.Token));
        parts.Add(Invitation(settings, client, advertise, authority, logs.CreateLogger("join"), time).RunAsync(stop.Token));
        var first = await Task.WhenAny(parts);
        // The others end while the server still answers: a lease is given back through it.
        await stop.CancelAsync();
        await Task.WhenAll(parts).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await first;
        return 0;
    }

    private static ServerInvitation Invitation(ServerSettings settings, KubeClient client, IPEndPoint advertise, CertificateAuthority authority, ILogger log, TimeProvider time) =>
        new(client, new Uri($"https://{advertise}"), authority, settings.DataDirectory, ClusterSettings.Of(settings.Pods, settings.Services), settings.PrintsJoinCommand ? Console.Out : null, log, time);

    internal static IReadOnlyList<AddressRange> Pools(string? text) =>
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
}
