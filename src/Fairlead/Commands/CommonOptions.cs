using System.CommandLine;
using Fairlead.Cluster;
using Fairlead.Node;
using Fairlead.Terminal;
using Microsoft.Extensions.Logging;

namespace Fairlead.Commands;

/// <summary>Options that several commands share, with one wording.</summary>
internal static class CommonOptions
{
    public static Option<string> Name() => new("--name")
    {
        Description = "Name of the cluster; several live side by side.",
        DefaultValueFactory = _ => ClusterPaths.DefaultName,
    };

    public static Option<string> RequiredKubeconfig() => new("--kubeconfig")
    {
        Description = "Kubeconfig file of the API server to work with.",
        Required = true,
    };

    /// <summary>As kubectl takes it: without it, what kubectl would use.</summary>
    public static Option<string?> Kubeconfig() => new("--kubeconfig") { Description = "Kubeconfig file of the cluster; default: $KUBECONFIG or ~/.kube/config." };

    public static Option<string> Output()
    {
        var option = new Option<string>("--output", "-o") { Description = "text, or json for scripts.", DefaultValueFactory = _ => "text" };
        option.AcceptOnlyFromAmong("text", "json");
        return option;
    }

    public static Option<string> Runtime()
    {
        var option = new Option<string>("--runtime") { Description = "What runs containers: runc, crun, or containerd (one of the node's own).", DefaultValueFactory = _ => "runc" };
        option.AcceptOnlyFromAmong("runc", "crun", "containerd");
        return option;
    }

    public static Option<string?> PodManifests() => new("--pod-manifest-path") { Description = "Folder whose files are pods that each node runs by itself: static pods." };

    public static Option<string?> DnsConfig() => new("--dns-config")
    {
        Description = "Corefile of the nodes' DNS: other servers, autopath, hosts, a log of questions and more. It is followed when it has the directive reload.",
    };

    public static Option<string?> RuntimeEndpoint() =>
        new("--container-runtime-endpoint") { Description = "unix:///PATH of a CRI runtime that runs already, with its own images and network plugins, instead of --runtime." };

    /// <summary>The path in an endpoint.</summary>
    public static string SocketOf(string endpoint)
    {
        var path = endpoint.StartsWith("unix://", StringComparison.Ordinal) ? endpoint["unix://".Length..] : endpoint;
        return path.StartsWith('/') ? path : throw new UserException($"--container-runtime-endpoint {endpoint} is not unix:///PATH");
    }

    public static RuntimeKind Runtime(string name) => name switch { "crun" => RuntimeKind.Crun, "containerd" => RuntimeKind.Containerd, _ => RuntimeKind.Runc };

    public static Option<int> Verbosity() => new("--v")
    {
        Description = "Log verbosity: 0 information, 4 debug.",
        DefaultValueFactory = _ => 0,
    };

    public static LineLoggerFactory Logs(int verbosity) => new(verbosity >= 4 ? LogLevel.Debug : LogLevel.Information, TimeProvider.System);
}
