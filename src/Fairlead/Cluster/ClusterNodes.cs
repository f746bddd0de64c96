using System.Net;
using Fairlead.ApiServer.Security;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Linux.Processes;
using Fairlead.Terminal;

namespace Fairlead.Cluster;

/// <summary>Adds, removes, stops and starts nodes of a cluster of this machine while it runs.</summary>
internal sealed class ClusterNodes(ClusterPaths paths, Steps steps, TimeProvider time)
{
    private const int MostNodes = 190;

    /// <exception cref="UserException">There is one of that name, or no room.</exception>
    public Task AddAsync(string name, string? zone, TimeSpan wait, CancellationToken cancel) => ChangeAsync(async state =>
    {
        if (name.Length is 0 or > 63 || !name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-') || name[0] == '-' || name[^1] == '-')
            throw new UserException($"\"{name}\" cannot name a node: use lower case letters, digits and '-'");
        if (state.Nodes.Any(node => node.Name == name)) throw new UserException($"cluster \"{paths.Name}\" has a node \"{name}\" already");
        var index = Enumerable.Range(1, MostNodes).Except(state.Nodes.Select(node => node.Index)).FirstOrDefault();
        if (index == 0) throw new UserException($"cluster \"{paths.Name}\" has {MostNodes} nodes, and no address for another");
        var node = new ClusterNode(name, index, Underlay.At(IPNetwork.Parse(state.Underlay), index + 1).ToString(), 0, zone);
        new ClusterLauncher(paths, steps, time).IssueNode(CertificateAuthority.OpenOrCreate(paths.Pki, time), state, node);
        return await StartAsync(state with { Nodes = [.. state.Nodes, node] }, node, wait, cancel);
    }, cancel);

    public Task StartAsync(string name, TimeSpan wait, CancellationToken cancel) => ChangeAsync(state =>
    {
        var node = Find(state, name);
        if (ClusterLauncher.IsRunning(node.AgentPid)) throw new UserException($"node \"{name}\" runs already");
        return StartAsync(state, node, wait, cancel);
    }, cancel);

    /// <summary>As if its machine lost power: nothing says good-bye. Its pods end; its Node stays, and in time turns NotReady.</summary>
    public Task StopAsync(string name, CancellationToken cancel) => ChangeAsync(async state =>
    {
        var node = Find(state, name);
        await steps.RunAsync($"node {name} stops", () => PowerOffAsync(state, node));
        return Replace(state, node with { AgentPid = 0 });
    }, cancel);

    public Task RemoveAsync(string name, CancellationToken cancel) => ChangeAsync(async state =>
    {
        var node = Find(state, name);
        await steps.RunAsync($"node {name} stops", () => PowerOffAsync(state, node));
        await steps.RunAsync($"node {name} removed", async () =>
        {
            using var client = new KubeClient(KubeClientConfiguration.FromFile(paths.AdminKubeconfig), "fairlead-node");
            await client.DeleteAsync(ApiResources.Nodes, new ObjectKey("", name), null, cancel);
            foreach (var file in (ReadOnlySpan<string>)[$"{paths.Pki}/{name}.crt", $"{paths.Pki}/{name}.key", paths.NodeKubeconfig(name), $"{paths.Logs}/{name}.log"]) File.Delete(file);
        });
        return state with { Nodes = [.. state.Nodes.Where(other => other.Name != name)] };
    }, cancel);

    /// <summary>One change at a time, and what it answers is noted, so that `down` knows of it.</summary>
    private async Task ChangeAsync(Func<ClusterState, Task<ClusterState>> change, CancellationToken cancel)
    {
        if (!ProcessHandle.IsRoot) throw new UserException("run as root, as for `fairlead up`");
        using var turn = await MachineTurn.TakeAsync(time, cancel);
        if (ClusterState.Read(paths) is not { } state || !ClusterLauncher.IsRunning(state.ServerPid))
            throw new UserException($"cluster \"{paths.Name}\" does not run; start it with `fairlead up --name {paths.Name}`");
        (await change(state)).Write(paths);
    }

    private async Task<ClusterState> StartAsync(ClusterState state, ClusterNode node, TimeSpan wait, CancellationToken cancel)
    {
        var launcher = new ClusterLauncher(paths, steps, time);
        // Noted before it is made.
        state.Write(paths);
        new Underlay(paths).EnsureNode(IPNetwork.Parse(state.Underlay), node);
        var began = time.GetUtcNow().UtcDateTime;
        state = Replace(state, node with { AgentPid = launcher.StartAgent(state, node) });
        state.Write(paths);
        using var client = new KubeClient(KubeClientConfiguration.FromFile(paths.AdminKubeconfig), "fairlead-node");
        using var patience = new CancellationTokenSource(wait, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancel);
        try
        {
            await steps.RunAsync($"node {node.Name} Ready", async () =>
            {
                await launcher.WaitForLeaseAsync(client, node.Name, began, either.Token);
                await ClusterLauncher.WaitForNodesAsync(client, [node.Name], either.Token);
            });
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new UserException($"node \"{node.Name}\" was not ready within {wait.TotalSeconds:F0} s; see {paths.Logs}/{node.Name}.log");
        }
        return state;
    }

    private async Task PowerOffAsync(ClusterState state, ClusterNode node)
    {
        if (ClusterLauncher.IsRunning(node.AgentPid))
        {
            using var agent = ProcessHandle.TryOpen(node.AgentPid);
            agent?.TrySignal(Signal.Kill);
            if (agent is not null) await agent.WaitForExitAsync();
        }
        // First the network, so that nothing leaves it any more.
        new Underlay(paths).Disconnect(node);
        await ClusterRemover.TearDownAsync(paths, state, node);
        new Underlay(paths).RemoveNode(node);
    }

    private ClusterNode Find(ClusterState state, string name) =>
        state.Nodes.FirstOrDefault(node => node.Name == name)
        ?? throw new UserException($"cluster \"{paths.Name}\" has no node \"{name}\"; it has {string.Join(", ", state.Nodes.Select(node => node.Name))}");

    private static ClusterState Replace(ClusterState state, ClusterNode changed) =>
        state with { Nodes = [.. state.Nodes.Select(node => node.Name == changed.Name ? changed : node)] };
}
