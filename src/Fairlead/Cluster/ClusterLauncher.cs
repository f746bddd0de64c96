using System.Globalization;
using System.Net;
using Fairlead.ApiServer.Security;
using Fairlead.Kube.Client;
using Fairlead.Kubeconfig;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Processes;
using Fairlead.Terminal;

namespace Fairlead.Cluster;

/// <summary>Starts a cluster of this machine, or what is missing of one that was there before.</summary>
internal sealed class ClusterLauncher(ClusterPaths paths, Steps steps, TimeProvider time)
{
    private const int ApiPort = 6443;
    private const int FirstBalancer = 200;
    private const int LastBalancer = 250;
    private const string PodRange = "10.244.0.0/16";
    private const string ServiceRange = "10.96.0.0/16";
    private const string ClusterDns = "10.96.0.10";
    private static readonly TimeSpan PollEvery = TimeSpan.FromMilliseconds(5);
    private static readonly string Program = Environment.ProcessPath ?? "/proc/self/exe";

    /// <exception cref="UserException">It cannot be started; what was made is removed again.</exception>
    public async Task UpAsync(int nodeCount, string kubeconfig, TimeSpan wait, CancellationToken cancel)
    {
        Preflight.Check();
        var before = ClusterState.Read(paths);
        if (before is not null && IsRunning(before.ServerPid))
            throw new UserException($"cluster \"{paths.Name}\" runs already (`fairlead status`); take it down with `fairlead down --name {paths.Name}`, or start another with --name");
        // Before anything is made: a file that cannot be used is told of at once.
        var file = KubeconfigFile.Open(kubeconfig);
        var state = before is null ? await ClaimNetworkAsync(nodeCount, kubeconfig, cancel) : before with { Kubeconfig = kubeconfig };
        try
        {
            var admin = await StartAsync(state, wait, cancel);
            file.Set(admin);
            file.Save();
        }
        catch (Exception) when (before is null)
        {
            await new ClusterRemover(paths, steps, time).RemoveAsync(state);
            throw;
        }
    }

    private async Task<KubeconfigEntry> StartAsync(ClusterState state, TimeSpan wait, CancellationToken cancel)
    {
        var network = IPNetwork.Parse(state.Underlay);
        Directory.CreateDirectory(paths.Logs);
        state.Write(paths);
        var admin = await steps.RunAsync("certificates", () => Task.FromResult(IssueCertificates(state)));
        var underlay = new Underlay(paths);
        await steps.RunAsync($"network {state.Underlay}", () =>
        {
            underlay.EnsureBridge(network);
            foreach (var node in state.Nodes) underlay.EnsureNode(network, node);
            return Task.CompletedTask;
        });
        state = state with { ServerPid = StartServer(state) };
        state = state with { Nodes = [.. state.Nodes.Select(node => node with { AgentPid = StartAgent(state, node) })] };
        state.Write(paths);
        using var client = new KubeClient(KubeClientConfiguration.FromFile(paths.AdminKubeconfig), "fairlead-up");
        using var patience = new CancellationTokenSource(wait, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancel);
        try
        {
            await steps.RunAsync($"API server at {state.ApiServer}", () => WaitForServerAsync(client, state, either.Token));
            await steps.RunAsync($"{(state.Nodes.Count == 1 ? "node" : $"{state.Nodes.Count} nodes")} Ready", () => WaitForNodesAsync(client, state, either.Token));
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new UserException($"the cluster was not ready within {wait.TotalSeconds:F0} s; {LastLogLine(state)}");
        }
        return admin;
    }

    /// <summary>Chooses a network and makes its bridge, so that the next `up` sees that it is taken.</summary>
    private async Task<ClusterState> ClaimNetworkAsync(int nodeCount, string kubeconfig, CancellationToken cancel)
    {
        using var turn = await MachineTurn.TakeAsync(time, cancel);
        var state = NewState(nodeCount, kubeconfig);
        new Underlay(paths).EnsureBridge(IPNetwork.Parse(state.Underlay));
        return state;
    }

    private ClusterState NewState(int nodeCount, string kubeconfig)
    {
        var network = Underlay.Choose();
        return new ClusterState
        {
            Name = paths.Name,
            Underlay = network.ToString(),
            ApiServer = new IPEndPoint(Underlay.At(network, 1), ApiPort).ToString(),
            Kubeconfig = kubeconfig,
            PodRange = PodRange,
            ServiceRange = ServiceRange,
            ClusterDns = ClusterDns,
            Nodes = [.. Enumerable.Range(1, nodeCount).Select(i => new ClusterNode($"node{i}", i, Underlay.At(network, i + 1).ToString(), 0))],
        };
    }

    /// <summary>The administrator's and the nodes' certificates, where they are not there yet.</summary>
    private KubeconfigEntry IssueCertificates(ClusterState state)
    {
        var authority = CertificateAuthority.OpenOrCreate(paths.Pki, time);
        var server = $"https://{state.ApiServer}";
        var issued = authority.Issue("kubernetes-admin", [User.Masters], []);
        var admin = new KubeconfigEntry(paths.Context, server, authority.CertificatePem, issued.CertificatePem, issued.KeyPem);
        KubeconfigFile.WriteSingle(paths.AdminKubeconfig, admin);
        foreach (var node in state.Nodes)
        {
            var identity = authority.Issue(User.NodeNamePrefix + node.Name, [User.Nodes], [node.Name, node.Address]);
            identity.Save($"{paths.Pki}/{node.Name}.crt", $"{paths.Pki}/{node.Name}.key");
            KubeconfigFile.WriteSingle(paths.NodeKubeconfig(node.Name),
                new KubeconfigEntry(paths.Context, server, authority.CertificatePem, identity.CertificatePem, identity.KeyPem));
        }
        return admin;
    }

    private int StartServer(ClusterState state)
    {
        var address = IPEndPoint.Parse(state.ApiServer);
        var network = IPNetwork.Parse(state.Underlay);
        return Daemon.Start(new DaemonOptions
        {
            Program = Program,
            Arguments =
            [
                "server", "--data-dir", paths.Data, "--bind-address", address.Address.ToString(),
                "--secure-port", address.Port.ToString(CultureInfo.InvariantCulture),
                "--service-cluster-ip-range", state.ServiceRange, "--cluster-cidr", state.PodRange,
                "--load-balancer-pool", $"{Underlay.At(network, FirstBalancer)}-{Underlay.At(network, LastBalancer)}",
                "--dns-forward-address", DnsForwarder(state),
            ],
            LogFile = $"{paths.Logs}/server.log",
        });
    }

    /// <summary>Where the server asks this machine's resolvers for the nodes, which are in namespaces and may not reach them.</summary>
    private static string DnsForwarder(ClusterState state) => new IPEndPoint(IPEndPoint.Parse(state.ApiServer).Address, DnsEndpoint.Port).ToString();

    private int StartAgent(ClusterState state, ClusterNode node)
    {
        using var network = NetworkNamespace.Open(paths.NodeNamespace(node.Name));
        return Daemon.Start(new DaemonOptions
        {
            Program = Program,
            Arguments =
            [
                "agent", "--kubeconfig", paths.NodeKubeconfig(node.Name), "--cluster", state.Name, "--node-name", node.Name, "--node-ip", node.Address,
                "--cluster-dns", state.ClusterDns, "--upstream", DnsForwarder(state), "--cluster-cidr", state.PodRange, "--service-cluster-ip-range", state.ServiceRange,
                "--tls-cert-file", $"{paths.Pki}/{node.Name}.crt", "--tls-private-key-file", $"{paths.Pki}/{node.Name}.key",
                "--client-ca-file", $"{paths.Pki}/ca.crt",
            ],
            LogFile = $"{paths.Logs}/{node.Name}.log",
            Network = network,
        });
    }

    private async Task WaitForServerAsync(KubeClient client, ClusterState state, CancellationToken cancel)
    {
        while (true)
        {
            if (HasEnded(state.ServerPid)) throw new UserException($"the server ended; {LastLogLine(state)}");
            try
            {
                using var answer = await client.Http.GetAsync("readyz", cancel);
                if (answer.IsSuccessStatusCode) return;
            }
            catch (HttpRequestException)
            {
                // Not listening yet.
            }
            await Task.Delay(PollEvery, time, cancel);
        }
    }

    private static async Task WaitForNodesAsync(KubeClient client, ClusterState state, CancellationToken cancel)
    {
        var ready = new HashSet<string>();
        var list = await client.ListAsync(ApiResources.Nodes, null, ListOptions.All, cancel);
        foreach (var node in list.Items) Note(node);
        if (ready.Count == state.Nodes.Count) return;
        await foreach (var change in client.WatchAsync(ApiResources.Nodes, null, ListOptions.All, list.ResourceVersion, cancel))
        {
            if (change.Type is WatchEventType.Added or WatchEventType.Modified) Note(change.Object);
            if (ready.Count == state.Nodes.Count) return;
        }

        void Note(k8s.Models.V1Node node)
        {
            if (node.Status?.Conditions?.Any(condition => condition.Type == "Ready" && condition.Status == "True") == true) ready.Add(node.Metadata.Name);
        }
    }

    private string LastLogLine(ClusterState state)
    {
        foreach (var log in state.Nodes.Select(node => node.Name).Prepend("server"))
        {
            var file = $"{paths.Logs}/{log}.log";
            if (File.Exists(file) && File.ReadLines(file).LastOrDefault(line => line.Length > 0) is { } line) return $"its {log} said: {line}";
        }
        return "it left no log";
    }

    private static bool HasEnded(int pid)
    {
        using var process = ProcessHandle.TryOpen(pid);
        return process is not { HasExited: false };
    }

    /// <summary>Whether the number, from a file of before, still is a process of ours; one that is just dying is none any more.</summary>
    private static bool IsRunning(int pid)
    {
        try
        {
            return pid > 0 && !HasEnded(pid) && File.ReadAllText($"/proc/{pid}/cmdline").Contains("fairlead", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;
        }
    }
}
