using System.Globalization;
using System.Text.Json;
using Fairlead.Kube.Client;
using Fairlead.Linux.Processes;
using Fairlead.Terminal;

namespace Fairlead.Cluster;

/// <param name="Pid">0: it was stopped on purpose.</param>
/// <param name="Megabytes">Resident memory; 0 when it does not run.</param>
internal sealed record ProcessStatus(string Name, string Where, int Pid, bool Runs, long Megabytes)
{
    public bool WasStopped => Pid == 0;
}

internal sealed record ObjectCounts(int ReadyNodes, int Nodes, int RunningPods, int Pods, int Services);

/// <summary>What runs of a cluster of this machine.</summary>
/// <param name="Objects">Null while a process of it does not run, or the server does not answer.</param>
internal sealed record ClusterStatus(ClusterPaths Paths, string Kubeconfig, IReadOnlyList<ProcessStatus> Processes, ObjectCounts? Objects)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public bool IsHealthy => Objects is { } objects && objects.ReadyNodes == objects.Nodes;

    /// <summary>Null when there is no such cluster.</summary>
    public static async Task<ClusterStatus?> ReadAsync(ClusterPaths paths, CancellationToken cancel)
    {
        if (ClusterState.Read(paths) is not { } state) return null;
        ProcessStatus[] processes = [Process("server", $"https://{state.ApiServer}", state.ServerPid), .. state.Nodes.Select(node => Process(node.Name, node.Address, node.AgentPid))];
        return new ClusterStatus(paths, state.Kubeconfig, processes, processes is [{ Runs: true }, .. var agents] && agents.All(agent => agent.Runs || agent.WasStopped) ? await CountAsync(paths, cancel) : null);
    }

    /// <summary><c>{"clusters":[{"name","context","kubeconfig","healthy","processes":[…],"nodes":{"ready","total"},"pods":{"running","total"},"services"}]}</c>.</summary>
    public static string ToJson(IReadOnlyList<ClusterStatus> all) => JsonText.Write(json =>
    {
        json.WriteStartArray("clusters");
        foreach (var status in all) status.Write(json);
        json.WriteEndArray();
    });

    private void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("name", Paths.Name);
        json.WriteString("context", Paths.Context);
        json.WriteString("kubeconfig", Kubeconfig);
        json.WriteBoolean("healthy", IsHealthy);
        json.WriteStartArray("processes");
        foreach (var process in Processes)
        {
            json.WriteStartObject();
            json.WriteString("name", process.Name);
            json.WriteString("address", process.Where);
            json.WriteBoolean("running", process.Runs);
            json.WriteBoolean("stopped", process.WasStopped);
            if (process.Runs) json.WriteNumber("pid", process.Pid);
            if (process.Runs) json.WriteNumber("megabytes", process.Megabytes);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        if (Objects is { } objects)
        {
            json.WriteStartObject("nodes");
            json.WriteNumber("ready", objects.ReadyNodes);
            json.WriteNumber("total", objects.Nodes);
            json.WriteEndObject();
            json.WriteStartObject("pods");
            json.WriteNumber("running", objects.RunningPods);
            json.WriteNumber("total", objects.Pods);
            json.WriteEndObject();
            json.WriteNumber("services", objects.Services);
        }
        json.WriteEndObject();
    }

    /// <summary>Null when the server does not answer.</summary>
    private static async Task<ObjectCounts?> CountAsync(ClusterPaths paths, CancellationToken cancel)
    {
        using var client = new KubeClient(KubeClientConfiguration.FromFile(paths.AdminKubeconfig), "fairlead-status");
        using var patience = new CancellationTokenSource(Patience, TimeProvider.System);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancel);
        try
        {
            var nodes = await client.ListAsync(ApiResources.Nodes, null, ListOptions.All, either.Token);
            var pods = await client.ListAsync(ApiResources.Pods, null, ListOptions.All, either.Token);
            var services = await client.ListAsync(ApiResources.Services, null, ListOptions.All, either.Token);
            var ready = nodes.Items.Count(node => node.Status?.Conditions?.Any(c => c.Type == "Ready" && c.Status == "True") == true);
            return new ObjectCounts(ready, nodes.Items.Count, pods.Items.Count(pod => pod.Status?.Phase == "Running"), pods.Items.Count, services.Items.Count);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException && !cancel.IsCancellationRequested)
        {
            return null;
        }
    }

    private static ProcessStatus Process(string name, string where, int pid)
    {
        using var process = pid > 0 ? ProcessHandle.TryOpen(pid) : null;
        var runs = process is { HasExited: false } && ClusterLauncher.IsRunning(pid);
        return new ProcessStatus(name, where, pid, runs, runs ? Megabytes(pid) : 0);
    }

    private static long Megabytes(int pid)
    {
        try
        {
            var line = File.ReadLines($"/proc/{pid}/status").FirstOrDefault(line => line.StartsWith("VmRSS:", StringComparison.Ordinal)) ?? "VmRSS: 0 kB";
            return long.Parse(line["VmRSS:".Length..].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture) / 1024;
        }
        catch (IOException)
        {
            // It has just ended.
            return 0;
        }
    }
}
