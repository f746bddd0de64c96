using System.CommandLine;
using System.Net;
using Fairlead.Cluster;
using Fairlead.Kubeconfig;
using Fairlead.Node.Images.Registry;
using Fairlead.Terminal;

namespace Fairlead.Commands;

/// <summary>`fairlead up`: a cluster on this machine.</summary>
internal static class UpCommand
{
    public static Command Create()
    {
        var name = CommonOptions.Name();
        var nodes = new Option<int>("--nodes") { Description = "How many nodes.", DefaultValueFactory = _ => 1 };
        var zones = new Option<string?>("--zones") { Description = "Zones to spread the nodes over, as label topology.kubernetes.io/zone, for example a,b,c." };
        var kubeconfig = new Option<string?>("--kubeconfig") { Description = "File to write the context to; default: $KUBECONFIG or ~/.kube/config." };
        var wait = new Option<string>("--wait") { Description = "How long to wait for the nodes to be Ready, for example 60s.", DefaultValueFactory = _ => "60s" };
        var foreground = new Option<bool>("--foreground") { Description = "Stay, start again what ends unasked, and take the cluster down on Ctrl-C." };
        var keep = new Option<bool>("--keep") { Description = "With --foreground: on Ctrl-C stop the cluster, and keep its objects and pods for the next `up`." };
        var mirrors = new Option<string[]>("--registry-mirror") { Description = "REGISTRY=URL to ask before a registry, for example docker.io=http://10.0.0.5:5000; may be given again." };
        var insecure = new Option<string[]>("--insecure-registry") { Description = "Registry whose certificate is not checked and that may speak plain HTTP; may be given again." };
        var runtime = CommonOptions.Runtime();
        var endpoint = CommonOptions.RuntimeEndpoint();
        var manifests = CommonOptions.PodManifests();
        var dns = CommonOptions.DnsConfig();
        var command = new Command("up", "Start a cluster on this machine.") { name, nodes, zones, kubeconfig, wait, foreground, keep, mirrors, insecure, runtime, endpoint, manifests, dns };
        var etcd = new EtcdCommandOptions();
        etcd.AddTo(command);
        var kubelet = new KubeletOptions();
        foreach (var option in kubelet.All) command.Add(option);
        var bgp = new BgpCommandOptions();
        foreach (var option in bgp.All) command.Add(option);
        command.SetAction(async (parse, cancel) =>
        {
            var paths = new ClusterPaths(parse.GetValue(name)!);
            var count = parse.GetValue(nodes);
            if (count is < 1 or > 50) throw new UserException("--nodes takes a number from 1 to 50");
            var steps = new Steps(Console.Out, TimeProvider.System);
            var launcher = new ClusterLauncher(paths, steps, TimeProvider.System);
            var systemd = ServiceNotice.Take();
            var patience = Duration(parse.GetValue(wait)!);
            var wish = new ClusterWish(count, parse.GetValue(kubeconfig) ?? KubeconfigFile.DefaultPath())
            {
                Zones = (parse.GetValue(zones) ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries),
                Registries = Registries(parse.GetValue(mirrors)!, parse.GetValue(insecure)!),
                Runtime = parse.GetValue(runtime)!,
                RuntimeEndpoint = parse.GetValue(endpoint) is { } given ? CommonOptions.SocketOf(given) : null,
                Etcd = etcd.Pass(parse),
                Kubelet = kubelet.Pass(parse),
                Bgp = bgp.Pass(parse),
                PodManifests = parse.GetValue(manifests) is { } folder ? Path.GetFullPath(folder) : null,
                DnsConfig = parse.GetValue(dns) is { } corefile ? Corefile(corefile) : null,
            };
            await launcher.UpAsync(wish, patience, cancel);
            Console.WriteLine($"\nCluster \"{paths.Name}\" is ready after {Steps.Milliseconds(steps.Elapsed)}. kubectl's context is \"{paths.Context}\"; try:");
            Console.WriteLine("  kubectl get nodes -o wide");
            Console.WriteLine("  kubectl apply -f examples/kubia/");
            Console.WriteLine(AsTyped.Of($"  fairlead down{paths.NameOption}"));
            if (!parse.GetValue(foreground)) return 0;
            systemd.Ready($"cluster {paths.Name} is ready");
            await new ClusterKeeper(paths, steps, Console.Out, TimeProvider.System).RunAsync(patience, cancel);
            var remover = new ClusterRemover(paths, steps, TimeProvider.System);
            await (parse.GetValue(keep) ? remover.StopAsync() : remover.DownAsync());
            return 0;
        });
        return command;
    }

    /// <summary>Null when none are given: those of before stay.</summary>
    private static RegistrySettings? Registries(string[] mirrors, string[] insecure)
    {
        if (mirrors.Length + insecure.Length == 0) return null;
        var (settings, failure) = RegistrySettings.Parse(mirrors, insecure);
        return settings ?? throw new UserException(failure!);
    }

    /// <summary>Its full path, once it is known to be right: agents that refuse it would be found only in their logs.</summary>
    private static string Corefile(string file)
    {
        DnsPlan.OfNode(file, "node1", new IPEndPoint(IPAddress.Any, NodeService.DnsPort), ClusterLauncher.ClusterDomain, []);
        return Path.GetFullPath(file);
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
        var keep = new Option<bool>("--keep") { Description = "Stop it only: `up` goes on with its objects and pods." };
        var command = new Command("down", "Remove a cluster of this machine, with everything in it.") { name, keep };
        command.SetAction(async (parse, _) =>
        {
            var paths = new ClusterPaths(parse.GetValue(name)!);
            var steps = new Steps(Console.Out, TimeProvider.System);
            var remover = new ClusterRemover(paths, steps, TimeProvider.System);
            var isKept = parse.GetValue(keep);
            var was = await (isKept ? remover.StopAsync() : remover.DownAsync());
            Console.WriteLine(was ? $"Cluster \"{paths.Name}\" {(isKept ? "has stopped" : "is gone")} after {Steps.Milliseconds(steps.Elapsed)}." : $"There is no cluster \"{paths.Name}\".");
            return 0;
        });
        return command;
    }
}
