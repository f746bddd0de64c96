using System.CommandLine;
using System.Net;
using Fairlead.Ingress;
using Fairlead.Ingress.Metrics;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Terminal;

namespace Fairlead.Commands;

/// <summary>`fairlead ingress`: the ingress alone, against any API server, in place of ingress-nginx, whose flags it takes.</summary>
internal static class IngressCommand
{
    public static Command Create()
    {
        var kubeconfig = CommonOptions.RequiredKubeconfig();
        var bind = new Option<string>("--bind-address") { Description = "Address to listen at.", DefaultValueFactory = _ => "0.0.0.0" };
        var http = new Option<int>("--http-port") { Description = "Port for plain HTTP; 0: none.", DefaultValueFactory = _ => 80 };
        var https = new Option<int>("--https-port") { Description = "Port for TLS; 0: none.", DefaultValueFactory = _ => 443 };
        var publicHttp = new Option<int>("--public-http-port") { Description = "Port by which clients reach it in plain HTTP; default: the one listened at." };
        var publicHttps = new Option<int>("--public-https-port") { Description = "Port by which clients reach it with TLS, as redirects name it; default: the one listened at." };
        var health = new Option<int>("--healthz-port") { Description = "Port of /healthz and /metrics; 0: none.", DefaultValueFactory = _ => 10254 };
        var name = new Option<string>("--ingress-class") { Description = "What the old annotation kubernetes.io/ingress.class says for this controller.", DefaultValueFactory = _ => IngressOptions.DefaultClass };
        var controller = new Option<string>("--controller-class") { Description = "spec.controller of the IngressClasses that are served; k8s.io/ingress-nginx takes over those of ingress-nginx.", DefaultValueFactory = _ => IngressOptions.DefaultController };
        var without = new Option<bool>("--watch-ingress-without-class") { Description = "Serve Ingresses that name no class, too." };
        var publish = new Option<string?>("--publish-service") { Description = "NAMESPACE/NAME of the Service whose addresses go into the status of Ingresses." };
        var addresses = new Option<string[]>("--publish-status-address") { Description = "Address that goes into the status of Ingresses; several are allowed." };
        var fallback = new Option<string?>("--default-backend-service") { Description = "NAMESPACE/NAME of the Service that answers what no Ingress does; default: 404." };
        var forwarded = new Option<bool>("--use-forwarded-headers") { Description = "Believe X-Forwarded-* of clients: another proxy stands in front." };
        var proxied = new Option<string?>("--use-proxy-protocol") { Description = "RANGES (10.0.0.0/8,192.0.2.7) of load balancers in front whose connections begin with a PROXY header, version 1 or 2." };
        var patience = new Option<int>("--client-header-timeout") { Description = "Seconds that a client may take for the head of a request, or for a TLS handshake.", DefaultValueFactory = _ => 30 };
        var log = new Option<string>("--access-log") { Description = "FILE to log requests to; - is standard output, off is nowhere.", DefaultValueFactory = _ => "-" };
        var format = new Option<string>("--access-log-format") { Description = "combined or json.", DefaultValueFactory = _ => "combined" };
        var verbosity = CommonOptions.Verbosity();
        var command = new Command("ingress", "Serve Ingresses of any Kubernetes API server.")
        {
            kubeconfig, bind, http, https, publicHttp, publicHttps, health, name, controller, without, publish, addresses, fallback, forwarded, proxied, patience, log, format, verbosity,
        };
        command.SetAction(async (parse, cancel) =>
        {
            var address = IPAddress.TryParse(parse.GetValue(bind), out var parsed) ? parsed : throw new UserException($"--bind-address {parse.GetValue(bind)} is not an address");
            await using var output = Open(parse.GetValue(log)!);
            var options = new IngressOptions
            {
                Http = Listen(address, parse.GetValue(http)),
                Https = Listen(address, parse.GetValue(https)),
                Status = Listen(address, parse.GetValue(health)),
                PublicHttpPort = Or(parse.GetValue(publicHttp), parse.GetValue(http), 80),
                PublicHttpsPort = Or(parse.GetValue(publicHttps), parse.GetValue(https), 443),
                IngressClass = parse.GetValue(name)!,
                Controller = parse.GetValue(controller)!,
                WatchWithoutClass = parse.GetValue(without),
                PublishService = Key(parse.GetValue(publish), "--publish-service"),
                StatusAddresses = parse.GetValue(addresses) ?? [],
                DefaultBackend = Key(parse.GetValue(fallback), "--default-backend-service"),
                UseForwardedHeaders = parse.GetValue(forwarded),
                ProxyProtocolFrom = Ranges(parse.GetValue(proxied)),
                HeaderTimeout = TimeSpan.FromSeconds(parse.GetValue(patience)),
                AccessLog = output,
                AccessLogFormat = parse.GetValue(format) switch
                {
                    "combined" => AccessLogFormat.Combined,
                    "json" => AccessLogFormat.Json,
                    var other => throw new UserException($"--access-log-format {other} is neither combined nor json"),
                },
            };
            if (options.Validate() is { Count: > 0 } errors) throw new UserException(string.Join("; ", errors));
            using var client = new KubeClient(KubeClientConfiguration.FromFile(parse.GetValue(kubeconfig)!), "fairlead-ingress");
            using var ingress = new IngressController(client, options, CommonOptions.Logs(parse.GetValue(verbosity)), TimeProvider.System);
            await ingress.RunAsync(cancel);
            return 0;
        });
        return command;
    }

    private static IReadOnlyList<IPEndPoint> Listen(IPAddress address, int port) => port == 0 ? [] : [new IPEndPoint(address, port)];

    private static int Or(int asked, int listened, int usual) => asked > 0 ? asked : listened > 0 ? listened : usual;

    private static ObjectKey? Key(string? text, string option) => text is null ? null
        : text.Split('/') is [{ Length: > 0 } ns, { Length: > 0 } name] ? new ObjectKey(ns, name)
        : throw new UserException($"{option} {text} is not NAMESPACE/NAME");

    private static IReadOnlyList<IPNetwork> Ranges(string? text) =>
        [.. (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(part =>
            IPNetwork.TryParse(part, out var range) ? range
            : IPAddress.TryParse(part, out var address) ? new IPNetwork(address, address.GetAddressBytes().Length * 8)
            : throw new UserException($"--use-proxy-protocol {part} is neither an address nor a range"))];

    private static Stream? Open(string path)
    {
        try
        {
            return path switch
            {
                "off" => null,
                "-" => Console.OpenStandardOutput(),
                _ => new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite),
            };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"--access-log {path}: {e.Message}");
        }
    }
}
