using System.CommandLine;
using System.Net;
using Fairlead.Kube.Client;
using Fairlead.Linux.Processes;
using Fairlead.Proxy;
using Fairlead.Proxy.Health;
using Fairlead.Terminal;
using Microsoft.Extensions.Logging;

namespace Fairlead.Commands;

/// <summary>`fairlead proxy`: the load balancer of one node alone, against any API server, in place of kube-proxy.</summary>
internal static class ProxyCommand
{
    public static Command Create()
    {
        var kubeconfig = new Option<string?>("--kubeconfig") { Description = "Kubeconfig file of the API server to work with." };
        var settings = new ProxyCommandOptions();
        var healthz = new Option<string>("--healthz-bind-address") { Description = "Where /healthz answers.", DefaultValueFactory = _ => "0.0.0.0:10256" };
        var metrics = new Option<string>("--metrics-bind-address") { Description = "Where /metrics and /proxyMode answer.", DefaultValueFactory = _ => "127.0.0.1:10249" };
        var cleanup = new Option<bool>("--cleanup") { Description = "Remove the proxy's rules from this node and exit." };
        var verbosity = CommonOptions.Verbosity();
        var command = new Command("proxy", "Run a node's load balancer against any Kubernetes API server.") { kubeconfig };
        foreach (var option in (Option[])[.. settings.All, healthz, metrics, cleanup, verbosity]) command.Add(option);
        command.SetAction(async (parse, cancel) =>
        {
            if (!ProcessHandle.IsRoot) throw new UserException("the proxy writes kernel tables; run it as root");
            if (parse.GetValue(cleanup))
            {
                ServiceProxy.Cleanup();
                return 0;
            }
            var file = parse.GetValue(kubeconfig) ?? throw new UserException("--kubeconfig FILE is needed: it names the API server to work with");
            if (ServiceProxy.FindKubeProxy() is { } found)
                throw new UserException($"kube-proxy works on this node ({found}); stop it, remove its rules with `kube-proxy --cleanup`, and start again");
            using var client = new KubeClient(KubeClientConfiguration.FromFile(file), "fairlead-proxy");
            var logs = CommonOptions.Logs(parse.GetValue(verbosity));
            var options = await settings.ResolveAsync(parse, client, logs.CreateLogger<ServiceProxy>(), TimeProvider.System, cancel);
            var proxy = new ServiceProxy(client, options, logs.CreateLogger<ServiceProxy>(), TimeProvider.System);
            IPEndPoint[] listen = [Endpoint(parse.GetValue(healthz)!), Endpoint(parse.GetValue(metrics)!)];
            await using var health = await ProxyHealthServer.StartAsync(proxy.Status, listen, logs, cancel);
            await proxy.RunAsync(cancel);
            return 0;
        });
        return command;
    }

    internal static IPEndPoint Endpoint(string text) =>
        IPEndPoint.TryParse(text, out var address) && address.Port > 0 ? address : throw new UserException($"{text} is not an address and port such as 0.0.0.0:10256");
}
