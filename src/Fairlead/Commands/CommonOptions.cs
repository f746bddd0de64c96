using System.CommandLine;
using Fairlead.Cluster;
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

    public static Option<int> Verbosity() => new("--v")
    {
        Description = "Log verbosity: 0 information, 4 debug.",
        DefaultValueFactory = _ => 0,
    };

    public static LineLoggerFactory Logs(int verbosity) => new(verbosity >= 4 ? LogLevel.Debug : LogLevel.Information, TimeProvider.System);
}
