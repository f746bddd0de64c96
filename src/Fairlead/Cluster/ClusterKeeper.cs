using Fairlead.Kube.Client;
using Fairlead.Terminal;

namespace Fairlead.Cluster;

/// <summary>Stays with a cluster in the foreground: what ends unasked is started again.</summary>
internal sealed class ClusterKeeper(ClusterPaths paths, Steps steps, TextWriter output, TimeProvider time)
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    /// <summary>Until it is cancelled, or the cluster is gone or stopped because somebody took it down.</summary>
    /// <exception cref="UserException">What ended cannot be started again.</exception>
    public async Task RunAsync(TimeSpan wait, CancellationToken cancel)
    {
        using var timer = new PeriodicTimer(LookEvery, time);
        try
        {
            while (await timer.WaitForNextTickAsync(cancel))
            {
                // Who takes the cluster down, or adds or stops a node, has a turn until it is noted.
                using var own = await MachineTurn.TakeAsync(paths, time, cancel);
                using var turn = await MachineTurn.TakeAsync(time, cancel);
                if (ClusterState.Read(paths) is not { ServerPid: > 0 } state) return;
                if (!state.LacksAProcess) continue;
                await output.WriteLineAsync($"{string.Join(" and ", Ended(state))} ended unasked; starting again what is missing");
                await StartAsync(state, wait, cancel);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // Asked to end.
        }
    }

    private async Task StartAsync(ClusterState state, TimeSpan wait, CancellationToken cancel)
    {
        try
        {
            await new ClusterLauncher(paths, steps, time).UpAsync(new ClusterWish(state.Nodes.Count, state.Kubeconfig), wait, cancel);
        }
        catch (Exception e) when (e is HttpRequestException or KubeApiException or IOException)
        {
            // The server ended while a node was waited for: that is the next look's to find.
            await output.WriteLineAsync($"{e.Message}; looking again");
        }
    }

    private static IEnumerable<string> Ended(ClusterState state) =>
        state.Nodes.Where(node => node.AgentPid != 0 && !ClusterLauncher.IsRunning(node.AgentPid)).Select(node => node.Name)
            .Prepend("the server").Where(name => name != "the server" || !ClusterLauncher.IsRunning(state.ServerPid));
}
