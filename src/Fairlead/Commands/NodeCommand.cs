using System.CommandLine;
using Fairlead.Cluster;
using Fairlead.Terminal;

namespace Fairlead.Commands;

/// <summary>`fairlead node`: the nodes of a running cluster of this machine.</summary>
internal static class NodeCommand
{
    public static Command Create()
    {
        var zone = new Option<string?>("--zone") { Description = "Label topology.kubernetes.io/zone of the node." };
        return new Command("node", "Add, remove, stop, start or list nodes of a cluster of this machine.")
        {
            Verb("add", "Add a node.", (nodes, name, wait, parse, cancel) => nodes.AddAsync(name, parse.GetValue(zone), wait, cancel), zone),
            Verb("remove", "Remove a node, with its pods.", (nodes, name, _, _, cancel) => nodes.RemoveAsync(name, cancel)),
            Verb("stop", "Stop a node, as if its machine lost power.", (nodes, name, _, _, cancel) => nodes.StopAsync(name, cancel)),
            Verb("start", "Start a node that was stopped.", (nodes, name, wait, _, cancel) => nodes.StartAsync(name, wait, cancel)),
            List(),
        };
    }

    private static Command Verb(string verb, string description, Func<ClusterNodes, string, TimeSpan, ParseResult, CancellationToken, Task> work, params Option[] more)
    {
        var node = new Argument<string>("NODE") { Description = "Name of the node." };
        var cluster = CommonOptions.Name();
        var wait = new Option<string>("--wait") { Description = "How long to wait for the node to be Ready, for example 60s.", DefaultValueFactory = _ => "60s" };
        var command = new Command(verb, description) { node, cluster, wait };
        foreach (var option in more) command.Add(option);
        command.SetAction(async (parse, cancel) =>
        {
            var nodes = new ClusterNodes(new ClusterPaths(parse.GetValue(cluster)!), new Steps(Console.Out, TimeProvider.System), TimeProvider.System);
            await work(nodes, parse.GetValue(node)!, UpCommand.Duration(parse.GetValue(wait)!), parse, cancel);
            return 0;
        });
        return command;
    }

    private static Command List()
    {
        var cluster = CommonOptions.Name();
        var output = CommonOptions.Output();
        var command = new Command("ls", "List the nodes, and whether they run.") { cluster, output };
        command.SetAction(parse =>
        {
            var paths = new ClusterPaths(parse.GetValue(cluster)!);
            var state = ClusterState.Read(paths) ?? throw new UserException($"there is no cluster \"{paths.Name}\"; `fairlead up{paths.NameOption}` starts one");
            Console.WriteLine(parse.GetValue(output) == "json" ? Json(state) : Table(state));
            return 0;
        });
        return command;
    }

    private static string State(ClusterNode node) => node.AgentPid == 0 ? "stopped" : ClusterLauncher.IsRunning(node.AgentPid) ? "running" : "not running";

    private static string Table(ClusterState state)
    {
        var width = state.Nodes.Select(node => node.Name.Length).Append(4).Max();
        return string.Join('\n', state.Nodes.Select(node => $"{node.Name.PadRight(width)}   {node.Address,-15}   {node.Zone ?? "-",-8}   {State(node)}").Prepend($"{"NODE".PadRight(width)}   {"ADDRESS",-15}   {"ZONE",-8}   STATE"));
    }

    /// <summary><c>{"nodes":[{"name","address","zone","state"}]}</c>; zone only where there is one.</summary>
    private static string Json(ClusterState state) => JsonText.Write(json =>
    {
        json.WriteStartArray("nodes");
        foreach (var node in state.Nodes)
        {
            json.WriteStartObject();
            json.WriteString("name", node.Name);
            json.WriteString("address", node.Address);
            if (node.Zone is not null) json.WriteString("zone", node.Zone);
            json.WriteString("state", State(node));
            json.WriteEndObject();
        }
        json.WriteEndArray();
    });
}
