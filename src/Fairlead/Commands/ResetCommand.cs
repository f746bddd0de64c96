using System.CommandLine;
using System.Globalization;
using System.Net;
using Fairlead.Cluster;
using Fairlead.Join;
using Fairlead.Linux.Processes;
using Fairlead.Node;
using Fairlead.Proxy;
using Fairlead.Terminal;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.Commands;

/// <summary>`fairlead reset`: undoes what `fairlead agent` made of this machine, by kubeadm's word.</summary>
internal static class ResetCommand
{
    public static Command Create()
    {
        var cluster = new Option<string>("--cluster") { Description = "Name of the cluster, as the agent was given it.", DefaultValueFactory = _ => ClusterPaths.DefaultName };
        var node = new Option<string>("--node-name") { Description = "Name of the node; default: the host name.", DefaultValueFactory = _ => System.Net.Dns.GetHostName().ToLowerInvariant() };
        var command = new Command("reset", "Undo what `fairlead agent` made of this machine: its pods, links, kernel tables and certificates. Stop the agent first.") { cluster, node };
        command.SetAction(async (parse, cancel) =>
        {
            if (!ProcessHandle.IsRoot) throw new UserException("run as root, as for `fairlead agent`");
            var paths = new ClusterPaths(parse.GetValue(cluster)!);
            var (of, name) = (paths.Name, parse.GetValue(node)!);
            if (FindAgent(of, name) is { } pid) throw new UserException($"the agent of node {name} runs (process {pid}); stop it first");
            var steps = new Steps(Console.Out, TimeProvider.System);
            await steps.RunAsync($"node {name} taken down", async () =>
            {
                await NodeTeardown.RunAsync(new NodeAgentOptions { ClusterName = of, NodeName = name, InternalAddress = IPAddress.Loopback }, NullLogger.Instance, cancel);
                ServiceProxy.Cleanup();
                NodeFolder.Of(of, name).Delete();
                RemoveRest(paths);
            });
            Console.WriteLine($"   kubectl delete node {name}   forgets it, where the cluster is");
            return 0;
        });
        return command;
    }

    /// <summary>With the last node of the cluster on this machine go its images. A cluster of `fairlead up` keeps what is its own.</summary>
    private static void RemoveRest(ClusterPaths paths)
    {
        if (File.Exists(paths.State)) return;
        if (HasEntries($"{paths.Data}/nodes") || HasEntries($"{paths.Data}/join")) return;
        foreach (var folder in (ReadOnlySpan<string>)["nodes", "join", "images"])
        {
            if (Directory.Exists($"{paths.Data}/{folder}")) Directory.Delete($"{paths.Data}/{folder}", recursive: true);
        }
        foreach (var folder in (ReadOnlySpan<string>)[paths.Data, paths.Run])
        {
            if (Directory.Exists(folder) && !HasEntries(folder)) Directory.Delete(folder);
        }
    }

    private static bool HasEntries(string folder) => Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any();

    /// <summary>A process that is the agent of that node in this network namespace or another; null: none runs.</summary>
    private static int? FindAgent(string cluster, string node)
    {
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var pid) || pid == Environment.ProcessId) continue;
            try
            {
                var words = File.ReadAllText($"{folder}/cmdline").Split('\0');
                if (words is not [var program, "agent", ..] || !program.EndsWith("fairlead", StringComparison.Ordinal)) continue;
                if (After(words, "--cluster", ClusterPaths.DefaultName) == cluster && After(words, "--node-name", System.Net.Dns.GetHostName().ToLowerInvariant()) == node) return pid;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It ended meanwhile.
            }
        }
        return null;
    }

    private static string After(string[] words, string option, string otherwise) =>
        Array.IndexOf(words, option) is >= 0 and var at && at + 1 < words.Length ? words[at + 1] : otherwise;
}
