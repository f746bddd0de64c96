using System.CommandLine;
using Fairlead.Cluster;
using Fairlead.Terminal;

namespace Fairlead.Commands;

/// <summary>`fairlead status`: what runs, where, and how much memory it takes.</summary>
internal static class StatusCommand
{
    public static Command Create()
    {
        var name = new Option<string?>("--name") { Description = "Name of one cluster; default: all of this machine." };
        var output = CommonOptions.Output();
        var command = new Command("status", "Show the clusters of this machine.") { name, output };
        command.SetAction(async (parse, cancel) =>
        {
            var names = parse.GetValue(name) is { } one ? [one] : ClusterPaths.All().ToList();
            var found = new List<ClusterStatus>();
            foreach (var each in names)
            {
                var paths = new ClusterPaths(each);
                found.Add(await ClusterStatus.ReadAsync(paths, cancel) ?? throw new UserException($"there is no cluster \"{each}\"; `fairlead up --name {each}` starts one"));
            }
            if (parse.GetValue(output) == "json") Console.WriteLine(ClusterStatus.ToJson(found));
            else if (found.Count == 0) Console.WriteLine(AsTyped.Of("No cluster on this machine; `fairlead up` starts one."));
            else found.ForEach(Show);
            return found.All(status => status.IsHealthy) ? 0 : 1;
        });
        return command;
    }

    private static void Show(ClusterStatus status)
    {
        Console.WriteLine($"Cluster {status.Paths.Name}   context {status.Paths.Context} in {status.Kubeconfig}");
        foreach (var process in status.Processes)
        {
            var how = process.Runs ? $"running, pid {process.Pid}, {process.Megabytes} MB" : process.WasStopped ? "stopped" : "not running";
            Console.WriteLine($" {(process.Runs ? Colours.Well : Colours.Ill)} {process.Name,-12} {process.Where,-28} {how}");
        }
        if (status.Objects is { } objects) Console.WriteLine($"   nodes {objects.ReadyNodes}/{objects.Nodes} Ready   pods {objects.RunningPods}/{objects.Pods} Running   services {objects.Services}");
        foreach (var node in status.Processes.Where(process => process.WasStopped && status.Objects is not null)) Console.WriteLine(AsTyped.Of($"   `fairlead node start {node.Name}{status.Paths.NameOption}` starts {node.Name}"));
        if (status.Objects is null && status.Processes.All(process => process.Runs || process.WasStopped) && status.Processes[0].Runs) Console.WriteLine($"   The API server does not answer; its log is {status.Paths.Logs}/server.log");
        else if (status.Objects is null) Console.WriteLine(AsTyped.Of($"   Some of it does not run: `fairlead up{status.Paths.NameOption}` starts what is missing; logs are in {status.Paths.Logs}"));
    }
}
