using System.CommandLine;
using Fairlead.Cluster;
using Fairlead.Kubeconfig;
using Fairlead.Terminal;

namespace Fairlead.Commands;

/// <summary>`fairlead up`: a cluster on this machine.</summary>
internal static class UpCommand
{
    public static Command Create()
    {
        var name = CommonOptions.Name();
        var nodes = new Option<int>("--nodes") { Description = "How many nodes.", DefaultValueFactory = _ => 1 };
        var kubeconfig = new Option<string?>("--kubeconfig") { Description = "File to write the context to; default: $KUBECONFIG or ~/.kube/config." };
        var wait = new Option<string>("--wait") { Description = "How long to wait for the nodes to be Ready, for example 60s.", DefaultValueFactory = _ => "60s" };
        var foreground = new Option<bool>("--foreground") { Description = "Stay, and take the cluster down on Ctrl-C." };
        var command = new Command("up", "Start a cluster on this machine.") { name, nodes, kubeconfig, wait, foreground };
        command.SetAction(async (parse, cancel) =>
        {
            var paths = new ClusterPaths(parse.GetValue(name)!);
            var count = parse.GetValue(nodes);
            if (count is < 1 or > 50) throw new UserException("--nodes takes a number from 1 to 50");
            var steps = new Steps(Console.Out, TimeProvider.System);
            var launcher = new ClusterLauncher(paths, steps, TimeProvider.System);
            await launcher.UpAsync(count, parse.GetValue(kubeconfig) ?? KubeconfigFile.DefaultPath(), Duration(parse.GetValue(wait)!), cancel);
            Console.WriteLine($"\nCluster \"{paths.Name}\" is ready after {Steps.Milliseconds(steps.Elapsed)}. kubectl's context is \"{paths.Context}\"; try:");
            Console.WriteLine("  kubectl get nodes -o wide");
            Console.WriteLine("  kubectl apply -f examples/kubia/");
            Console.WriteLine($"  fairlead down{(paths.Name == ClusterPaths.DefaultName ? "" : $" --name {paths.Name}")}");
            if (!parse.GetValue(foreground)) return 0;
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await new ClusterRemover(paths, steps, TimeProvider.System).DownAsync();
            return 0;
        });
        return command;
    }

    /// <summary>Go's form of a duration, as kubectl's flags take it: 60s, 2m, 500ms.</summary>
    internal static TimeSpan Duration(string text)
    {
        foreach (var (unit, length) in (ReadOnlySpan<(string, double)>)[("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600)])
        {
            if (text.EndsWith(unit, StringComparison.Ordinal) && double.TryParse(text[..^unit.Length], System.Globalization.CultureInfo.InvariantCulture, out var number))
                return TimeSpan.FromSeconds(number * length);
        }
        throw new UserException($"\"{text}\" is not a duration such as 60s");
    }
}

/// <summary>`fairlead down`: removes a cluster of this machine without a trace.</summary>
internal static class DownCommand
{
    public static Command Create()
    {
        var name = CommonOptions.Name();
        var command = new Command("down", "Remove a cluster of this machine, with everything in it.") { name };
        command.SetAction(async (parse, _) =>
        {
            var paths = new ClusterPaths(parse.GetValue(name)!);
            var steps = new Steps(Console.Out, TimeProvider.System);
            var was = await new ClusterRemover(paths, steps, TimeProvider.System).DownAsync();
            Console.WriteLine(was ? $"Cluster \"{paths.Name}\" is gone after {Steps.Milliseconds(steps.Elapsed)}." : $"There is no cluster \"{paths.Name}\".");
            return 0;
        });
        return command;
    }
}
