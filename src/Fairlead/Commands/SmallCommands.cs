using System.CommandLine;
using Fairlead.ApiServer.HTTP;
using Fairlead.Cluster;
using Fairlead.Controllers;
using Fairlead.Echo;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Leases;
using Fairlead.Terminal;

namespace Fairlead.Commands;

internal static class VersionCommand
{
    public static Command Create()
    {
        var command = new Command("version", "Print the versions of this program and of the Kubernetes that it is.");
        command.SetAction(_ =>
        {
            var own = typeof(VersionCommand).Assembly.GetName().Version;
            Console.WriteLine($"fairlead {own?.ToString(3)} (Kubernetes {ServerVersion.Git})");
            return 0;
        });
        return command;
    }
}

/// <summary>`fairlead kubeconfig`: prints the administrator's kubeconfig.</summary>
internal static class KubeconfigCommand
{
    public static Command Create()
    {
        var name = CommonOptions.Name();
        var command = new Command("kubeconfig", "Print the kubeconfig of a running cluster.") { name };
        command.SetAction(parse =>
        {
            var paths = new ClusterPaths(parse.GetValue(name)!);
            if (!File.Exists(paths.AdminKubeconfig)) throw new UserException($"there is no cluster \"{paths.Name}\"; `fairlead up --name {paths.Name}` starts one");
            Console.Write(File.ReadAllText(paths.AdminKubeconfig));
            return 0;
        });
        return command;
    }
}

/// <summary>`fairlead controllers`: the controllers alone, against any API server.</summary>
internal static class ControllersCommand
{
    public static Command Create()
    {
        var kubeconfig = CommonOptions.RequiredKubeconfig();
        var pods = new Option<string>("--cluster-cidr") { Description = "Range of pod addresses; each node gets a /24.", DefaultValueFactory = _ => "10.244.0.0/16" };
        var elect = new Option<bool>("--leader-elect") { Description = "Work only while holding the Lease kube-system/kube-controller-manager, so that of several one works.", DefaultValueFactory = _ => true };
        var verbosity = CommonOptions.Verbosity();
        var command = new Command("controllers", "Run the controllers against any Kubernetes API server.") { kubeconfig, pods, elect, verbosity };
        command.SetAction(async (parse, cancel) =>
        {
            var logs = CommonOptions.Logs(parse.GetValue(verbosity));
            using var client = new KubeClient(KubeClientConfiguration.FromFile(parse.GetValue(kubeconfig)!), "fairlead-controllers");
            Task RunAsync(CancellationToken leading) => new ControllerSet(client, Options(parse.GetValue(pods)!), logs, TimeProvider.System).RunAsync(leading);
            if (!parse.GetValue(elect)) await RunAsync(cancel);
            else await new LeaderLease(client, new ObjectKey("kube-system", "kube-controller-manager"), $"{System.Net.Dns.GetHostName()}_{Guid.NewGuid()}", logs.CreateLogger("controllers"), TimeProvider.System).RunAsync(RunAsync, cancel);
            return 0;
        });
        return command;
    }

    /// <summary>Certificates and tokens are left to that server's own: the key that signs is there.</summary>
    private static ControllerOptions Options(string pods) => new()
    {
        ClusterCidrs = [pods],
        Disabled = new HashSet<string> { "csrapproving", "csrsigning", "csrcleaner", "tokencleaner" },
    };
}

/// <summary>`fairlead echo`: the test server of the examples.</summary>
internal static class EchoCommand
{
    public static Command Create()
    {
        var http = new Option<int>("--port") { Description = "Port of HTTP; 0: none.", DefaultValueFactory = _ => 8080 };
        var tcp = new Option<int>("--tcp-port") { Description = "Port that answers each line over TCP; 0: none." };
        var udp = new Option<int>("--udp-port") { Description = "Port that answers each datagram over UDP; 0: none." };
        var grpc = new Option<int>("--grpc-port") { Description = "Port of gRPC in clear: health checks, and each message back of any other method; 0: none." };
        var command = new Command("echo", "Answer over HTTP, TCP, UDP and gRPC with the host's name and the client's address.") { http, tcp, udp, grpc };
        command.SetAction(async (parse, cancel) =>
        {
            await EchoServer.RunAsync(parse.GetValue(http), parse.GetValue(tcp), parse.GetValue(udp), parse.GetValue(grpc), Console.Out, cancel);
            return 0;
        });
        return command;
    }
}
