using System.CommandLine;
using System.Globalization;
using Fairlead.Cluster;
using Fairlead.Kube.Client;
using Fairlead.Linux.Processes;
using Fairlead.Terminal;

namespace Fairlead.Commands;

/// <summary>`fairlead status`: what runs, where, and how much memory it takes.</summary>
internal static class StatusCommand
{
    public static Command Create()
    {
        var name = new Option<string?>("--name") { Description = "Name of one cluster; default: all of this machine." };
        var command = new Command("status", "Show the clusters of this machine.") { name };
        command.SetAction(async (parse, cancel) =>
        {
            var names = parse.GetValue(name) is { } one ? [one] : ClusterPaths.All().ToList();
            if (names.Count == 0) Console.WriteLine("No cluster on this machine; `fairlead up` starts one.");
            var healthy = true;
            foreach (var each in names) healthy &= await ShowAsync(new ClusterPaths(each), cancel);
            return healthy ? 0 : 1;
        });
        return command;
    }

    private static async Task<bool> ShowAsync(ClusterPaths paths, CancellationToken cancel)
    {
        if (ClusterState.Read(paths) is not { } state) throw new UserException($"there is no cluster \"{paths.Name}\"; `fairlead up --name {paths.Name}` starts one");
        Console.WriteLine($"Cluster {state.Name}   context {paths.Context} in {state.Kubeconfig}");
        var healthy = Show("server", $"https://{state.ApiServer}", state.ServerPid);
        foreach (var node in state.Nodes) healthy &= Show(node.Name, node.Address, node.AgentPid);
        if (!healthy)
        {
            Console.WriteLine($"  Some of it does not run: `fairlead up --name {paths.Name}` starts what is missing; logs are in {paths.Logs}");
            return false;
        }
        using var client = new KubeClient(KubeClientConfiguration.FromFile(paths.AdminKubeconfig), "fairlead-status");
        var nodes = await client.ListAsync(ApiResources.Nodes, null, ListOptions.All, cancel);
        var pods = await client.ListAsync(ApiResources.Pods, null, ListOptions.All, cancel);
        var services = await client.ListAsync(ApiResources.Services, null, ListOptions.All, cancel);
        var ready = nodes.Items.Count(node => node.Status?.Conditions?.Any(c => c.Type == "Ready" && c.Status == "True") == true);
        Console.WriteLine($"  nodes {ready}/{nodes.Items.Count} Ready   pods {pods.Items.Count(pod => pod.Status?.Phase == "Running")}/{pods.Items.Count} Running   services {services.Items.Count}");
        return ready == nodes.Items.Count;
    }

    private static bool Show(string what, string where, int pid)
    {
        using var process = pid > 0 ? ProcessHandle.TryOpen(pid) : null;
        var runs = process is { HasExited: false };
        Console.WriteLine($"  {what,-12} {where,-28} {(runs ? $"running, pid {pid}, {Memory(pid)}" : "not running")}");
        return runs;
    }

    private static string Memory(int pid)
    {
        try
        {
            var line = File.ReadLines($"/proc/{pid}/status").FirstOrDefault(line => line.StartsWith("VmRSS:", StringComparison.Ordinal)) ?? "VmRSS: 0 kB";
            var kilobytes = long.Parse(line["VmRSS:".Length..].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
            return string.Create(CultureInfo.InvariantCulture, $"{kilobytes / 1024} MB");
        }
        catch (IOException)
        {
            return "gone";
        }
    }
}
