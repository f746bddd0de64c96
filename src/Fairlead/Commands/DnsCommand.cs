using System.CommandLine;
using System.Net;
using Fairlead.Dns;
using Fairlead.Dns.Corefile;
using Fairlead.Dns.Forward;
using Fairlead.Dns.Health;
using Fairlead.Kube.Client;
using Fairlead.Terminal;
using Microsoft.Extensions.Logging;

namespace Fairlead.Commands;

/// <summary>`fairlead dns`: the cluster's DNS alone, against any API server, in place of CoreDNS.</summary>
internal static class DnsCommand
{
    public const int DefaultPort = 53;

    public static Command Create()
    {
        var options = new DnsCommandOptions();
        var kubeconfig = CommonOptions.RequiredKubeconfig();
        var verbosity = CommonOptions.Verbosity();
        var command = new Command("dns", "Run the cluster's DNS against any Kubernetes API server.") { kubeconfig, verbosity };
        foreach (var option in options.All) command.Add(option);
        command.SetAction(async (parse, cancel) =>
        {
            SmallHeap.Ensure();
            var corefile = options.Corefile(parse);
            var settings = options.Settings(parse, corefile);
            if (settings.Validate() is { Count: > 0 } errors) throw new UserException(string.Join("; ", errors));
            using var client = new KubeClient(KubeClientConfiguration.FromFile(parse.GetValue(kubeconfig)!), "fairlead-dns");
            var logs = CommonOptions.Logs(parse.GetValue(verbosity));
            var plan = new DnsPlan(settings)
            {
                Status = options.Health(parse) is { Count: > 0 } given ? given : corefile?.Status ?? [],
                Followed = corefile is null ? null : new FollowedCorefile(options.File(parse)!, corefile, now => options.Settings(parse, now)),
            };
            await RunAsync(new ClusterDns(client, settings, logs, TimeProvider.System), plan, logs, cancel);
            return 0;
        });
        return command;
    }

    /// <summary>With what it says of itself, and following its Corefile, until cancelled.</summary>
    internal static async Task RunAsync(ClusterDns dns, DnsPlan plan, ILoggerFactory logs, CancellationToken cancel)
    {
        await using var server = plan.Status.Count == 0 ? null : await DnsHealthServer.StartAsync(dns.Status, plan.Status, logs, CancellationToken.None);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var reload = plan.Followed is null
            ? Task.CompletedTask
            : new CorefileReload(plan.Followed.File, plan.Followed.First, plan.Followed.Finish, dns.ApplyAsync, logs, TimeProvider.System).RunAsync(stop.Token);
        try
        {
            await dns.RunAsync(cancel);
        }
        finally
        {
            await stop.CancelAsync();
            await reload;
        }
    }

    internal static Option<string[]> Upstreams() => new("--upstream")
    {
        Description = "ADDRESS[:PORT] of a server to ask for other names, tls://ADDRESS[:PORT][%NAME] for DNS over TLS; several are allowed. Default: those in /etc/resolv.conf.",
    };

    internal static ServerBlockOptions Block(string[]? upstreams, string[]? stubs)
    {
        var block = ServerBlockOptions.Of(upstreams is { Length: > 0 } ? [.. upstreams.Select(text => Server(text, "--upstream"))] : null);
        // The longest domain first: the first rule that fits is taken.
        return block with { Forward = [.. (stubs ?? []).Select(Stub).OrderByDescending(rule => rule.Domain.Length), .. block.Forward] };
    }

    private static ForwardRule Stub(string text) =>
        text.Split('=', 2) is [{ Length: > 0 } domain, { Length: > 0 } servers]
            ? new ForwardRule { Domain = domain, Servers = [.. servers.Split(',').Select(server => Server(server, "--stub-domain"))] }
            : throw new UserException($"--stub-domain {text} is not DOMAIN=SERVER, such as consul.local=10.1.2.3:8600");

    private static UpstreamServer Server(string text, string option) =>
        UpstreamServer.Parse(text) ?? throw new UserException($"{option} {text} is not a server such as 10.0.0.1, 10.0.0.1:53 or tls://1.1.1.1%one.one.one.one");

    internal static IPEndPoint Endpoint(string text, string option)
    {
        if (!IPEndPoint.TryParse(text, out var endpoint)) throw new UserException($"{option} {text} is not an address such as 10.0.0.1:53");
        return endpoint.Port == 0 ? new IPEndPoint(endpoint.Address, DefaultPort) : endpoint;
    }
}
