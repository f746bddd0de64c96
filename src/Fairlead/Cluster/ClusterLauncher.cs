using System.Globalization;
using System.Net;
using Fairlead.ApiServer.Security;
using Fairlead.Kube.Client;
using Fairlead.Kubeconfig;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Processes;
using Fairlead.Node.Images;
using Fairlead.Node.Images.Registry;
using Fairlead.Terminal;

namespace Fairlead.Cluster;

/// <summary>What a cluster is to be like, where it is not there yet.</summary>
/// <param name="Nodes">How many.</param>
/// <param name="Kubeconfig">File that gets its context, also of one that is there.</param>
internal sealed record ClusterWish(int Nodes, string Kubeconfig)
{
    /// <summary>Spread over the nodes; empty: none has one.</summary>
    public IReadOnlyList<string> Zones { get; init; } = [];

    /// <summary>Null: those of before stay.</summary>
    public RegistrySettings? Registries { get; init; }

    /// <summary>runc, crun or containerd.</summary>
    public string Runtime { get; init; } = "runc";

    /// <summary>Socket of the CRI runtime that all nodes use instead; null: each has its own.</summary>
    public string? RuntimeEndpoint { get; init; }

    /// <summary>Arguments of the server about its etcd; empty: those of before stay, or it keeps its objects by itself.</summary>
    public IReadOnlyList<string> Etcd { get; init; } = [];

    /// <summary>Arguments of the agents in kubelet's words; empty: those of before stay, or they do as of themselves.</summary>
    public IReadOnlyList<string> Kubelet { get; init; } = [];

    /// <summary>Arguments of the agents about the routers that they speak BGP with; empty: those of before stay, or there are none.</summary>
    public IReadOnlyList<string> Bgp { get; init; } = [];

    /// <summary>Folder of the nodes' static pods; null: none.</summary>
    public string? PodManifests { get; init; }

    /// <summary>Corefile of the nodes' DNS, its full path; null: that of before stays, or there is none.</summary>
    public string? DnsConfig { get; init; }
}

/// <summary>Starts a cluster of this machine, or what is missing of one that was there before.</summary>
internal sealed class ClusterLauncher(ClusterPaths paths, Steps steps, TimeProvider time)
{
    private const int ApiPort = 6443;
    private const int FirstBalancer = 200;
    private const int LastBalancer = 250;
    private const string PodRange = "10.244.0.0/16";
    private const string ServiceRange = "10.96.0.0/16";
    private const string ClusterDns = "10.96.0.10";
    public const string ClusterDomain = "cluster.local";
    private static readonly TimeSpan PollEvery = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan DyingPatience = TimeSpan.FromSeconds(10);
    private static readonly string Program = Environment.ProcessPath ?? "/proc/self/exe";

    /// <exception cref="UserException">It cannot be started; what was made is removed again.</exception>
    public async Task UpAsync(ClusterWish wish, TimeSpan wait, CancellationToken cancel)
    {
        var before = ClusterState.Read(paths);
        var (runtime, endpoint) = before is null ? (wish.Runtime, wish.RuntimeEndpoint) : (before.Runtime, before.RuntimeEndpoint);
        Preflight.Check(endpoint is null ? runtime : null);
        if (before is not null && !before.LacksAProcess)
            throw new UserException($"cluster \"{paths.Name}\" runs already (`fairlead status`); take it down with `fairlead down --name {paths.Name}`, or start another with --name");
        // Before anything is made: a file that cannot be used is told of at once.
        var file = KubeconfigFile.Open(wish.Kubeconfig);
        var state = before is null ? await ClaimNetworkAsync(wish, cancel) : before with { Kubeconfig = wish.Kubeconfig };
        if (wish.Etcd.Count > 0) state = state with { Etcd = wish.Etcd };
        if (wish.Kubelet.Count > 0) state = state with { Kubelet = wish.Kubelet };
        if (wish.Bgp.Count > 0) state = state with { Bgp = wish.Bgp };
        if (wish.DnsConfig is not null) state = state with { DnsConfig = wish.DnsConfig };
        try
        {
            wish.Registries?.Write(ImageStore.FolderOf(paths.Name));
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
        // While the server runs, a node without an agent was stopped on purpose.
        var isNew = !IsRunning(state.ServerPid);
        var nodes = state.Nodes.Where(node => isNew || node.AgentPid != 0).ToList();
        Directory.CreateDirectory(paths.Logs);
        state.Write(paths);
        var admin = await steps.RunAsync("certificates", () => Task.FromResult(IssueCertificates(state)));
        var underlay = new Underlay(paths);
        await steps.RunAsync($"network {state.Underlay}", () =>
        {
            underlay.EnsureBridge(network);
            foreach (var node in nodes) underlay.EnsureNode(network, node);
            return Task.CompletedTask;
        });
        var started = nodes.Where(node => !IsRunning(node.AgentPid)).ToList();
        foreach (var pid in started.Select(node => node.AgentPid).Append(state.ServerPid)) await WaitForEndAsync(pid, cancel);
        if (isNew) state = state with { ServerPid = StartServer(state) };
        var began = time.GetUtcNow().UtcDateTime;
        state = state with { Nodes = [.. state.Nodes.Select(node => started.Contains(node) ? node with { AgentPid = StartAgent(state, node) } : node)] };
        state.Write(paths);
        using var client = new KubeClient(KubeClientConfiguration.FromFile(paths.AdminKubeconfig), "fairlead-up");
        using var patience = new CancellationTokenSource(wait, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancel);
        try
        {
            await steps.RunAsync($"API server at {state.ApiServer}", () => WaitForServerAsync(client, state, either.Token));
            await IngressObjects.EnsureAsync(client, either.Token);
            await steps.RunAsync($"{(nodes.Count == 1 ? "node" : $"{nodes.Count} nodes")} Ready", async () =>
            {
                foreach (var node in started) await WaitForLeaseAsync(client, node.Name, began, either.Token);
                await WaitForNodesAsync(client, [.. nodes.Select(node => node.Name)], either.Token);
            });
            await WaitForDefaultAccountAsync(client, either.Token);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new UserException($"the cluster was not ready within {wait.TotalSeconds:F0} s; {LastLogLine(state)}");
        }
        return admin;
    }

    /// <summary>Chooses a network and makes its bridge, so that the next `up` sees that it is taken.</summary>
    private async Task<ClusterState> ClaimNetworkAsync(ClusterWish wish, CancellationToken cancel)
    {
        using var turn = await MachineTurn.TakeAsync(time, cancel);
        var state = NewState(wish);
        new Underlay(paths).EnsureBridge(IPNetwork.Parse(state.Underlay));
        return state;
    }

    private ClusterState NewState(ClusterWish wish)
    {
        var network = Underlay.Choose();
        return new ClusterState
        {
            Name = paths.Name,
            Underlay = network.ToString(),
            ApiServer = new IPEndPoint(Underlay.At(network, 1), ApiPort).ToString(),
            Kubeconfig = wish.Kubeconfig,
            Runtime = wish.Runtime,
            RuntimeEndpoint = wish.RuntimeEndpoint,
            PodManifests = wish.PodManifests,
            PodRange = PodRange,
            ServiceRange = ServiceRange,
            ClusterDns = ClusterDns,
            Nodes = [.. Enumerable.Range(1, wish.Nodes).Select(i => new ClusterNode($"node{i}", i, Underlay.At(network, i + 1).ToString(), 0, wish.Zones.Count == 0 ? null : wish.Zones[(i - 1) % wish.Zones.Count]))],
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
        var ingress = authority.Issue(User.Ingress, [], []);
        KubeconfigFile.WriteSingle(paths.IngressKubeconfig, new KubeconfigEntry(paths.Context, server, authority.CertificatePem, ingress.CertificatePem, ingress.KeyPem));
        foreach (var node in state.Nodes) IssueNode(authority, state, node);
        return admin;
    }

    /// <summary>A node's certificate and kubeconfig.</summary>
    internal void IssueNode(CertificateAuthority authority, ClusterState state, ClusterNode node)
    {
        var identity = authority.Issue(User.NodeNamePrefix + node.Name, [User.Nodes], [node.Name, node.Address]);
        identity.Save($"{paths.Pki}/{node.Name}.crt", $"{paths.Pki}/{node.Name}.key");
        KubeconfigFile.WriteSingle(paths.NodeKubeconfig(node.Name),
            new KubeconfigEntry(paths.Context, $"https://{state.ApiServer}", authority.CertificatePem, identity.CertificatePem, identity.KeyPem));
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
                // Its log is no place for a token.
                "--dns-forward-address", DnsForwarder(state), "--join-command", "false", .. state.Etcd ?? [],
            ],
            LogFile = $"{paths.Logs}/server.log",
        });
    }

    /// <summary>Where the server asks this machine's resolvers for the nodes, which are in namespaces and may not reach them.</summary>
    private static string DnsForwarder(ClusterState state) => new IPEndPoint(IPEndPoint.Parse(state.ApiServer).Address, NodeService.DnsPort).ToString();

    internal int StartAgent(ClusterState state, ClusterNode node)
    {
        using var network = NetworkNamespace.Open(paths.NodeNamespace(node.Name));
        return Daemon.Start(new DaemonOptions
        {
            Program = Program,
            Arguments =
            [
                "agent", "--kubeconfig", paths.NodeKubeconfig(node.Name), "--cluster", state.Name, "--node-name", node.Name, "--node-ip", node.Address,
                .. node.Zone is null ? [] : (string[])["--node-labels", $"topology.kubernetes.io/zone={node.Zone}"],
                "--cluster-dns", state.ClusterDns, "--upstream", DnsForwarder(state), "--cluster-cidr", state.PodRange, "--service-cluster-ip-range", state.ServiceRange,
                "--tls-cert-file", $"{paths.Pki}/{node.Name}.crt", "--tls-private-key-file", $"{paths.Pki}/{node.Name}.key",
                "--client-ca-file", $"{paths.Pki}/ca.crt", "--ingress-kubeconfig", paths.IngressKubeconfig, "--runtime", state.Runtime,
                .. state.RuntimeEndpoint is null ? [] : (string[])["--container-runtime-endpoint", $"unix://{state.RuntimeEndpoint}"],
                .. state.PodManifests is null ? [] : (string[])["--pod-manifest-path", state.PodManifests],
                .. state.Kubelet ?? [],
                .. state.DnsConfig is null ? [] : (string[])["--dns-config", state.DnsConfig],
                .. state.Bgp ?? [],
                // A node reaches no registry, nor one on this machine's loopback, from its own network.
                "--pull-network", $"/proc/{state.ServerPid.ToString(CultureInfo.InvariantCulture)}/ns/net",
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

    /// <summary>Until the node's agent has been at work since then: what its Node says may be from before.</summary>
    internal async Task WaitForLeaseAsync(KubeClient client, string node, DateTime since, CancellationToken cancel)
    {
        while (await client.FindAsync(ApiResources.Leases, "kube-node-lease", node, cancel) is not { Spec.RenewTime: { } renewed } || renewed < since)
            await Task.Delay(PollEvery, time, cancel);
    }

    /// <summary>Until all of these are Ready.</summary>
    internal static async Task WaitForNodesAsync(KubeClient client, IReadOnlyCollection<string> names, CancellationToken cancel)
    {
        var ready = new HashSet<string>();
        var list = await client.ListAsync(ApiResources.Nodes, null, ListOptions.All, cancel);
        foreach (var node in list.Items) Note(node);
        if (names.All(ready.Contains)) return;
        await foreach (var change in client.WatchAsync(ApiResources.Nodes, null, ListOptions.All, list.ResourceVersion, cancel))
        {
            if (change.Type is WatchEventType.Added or WatchEventType.Modified) Note(change.Object);
            if (names.All(ready.Contains)) return;
        }

        void Note(k8s.Models.V1Node node)
        {
            if (node.Status?.Conditions?.Any(condition => condition.Type == "Ready" && condition.Status == "True") == true) ready.Add(node.Metadata.Name);
        }
    }

    /// <summary>Pods run as an account: the first one that the user makes shall find it.</summary>
    private async Task WaitForDefaultAccountAsync(KubeClient client, CancellationToken cancel)
    {
        while (await client.FindAsync(ApiResources.ServiceAccounts, "default", "default", cancel) is null) await Task.Delay(PollEvery, time, cancel);
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
    internal static bool IsRunning(int pid) => pid > 0 && !HasEnded(pid) && ProcessTable.CommandLine(pid).Contains("fairlead", StringComparison.Ordinal);

    /// <summary>A process that was killed has lost its command line a moment before its sockets are closed: who starts meanwhile finds its ports taken.</summary>
    private async Task WaitForEndAsync(int pid, CancellationToken cancel)
    {
        if (pid == 0) return;
        var began = time.GetTimestamp();
        while (!HasEnded(pid) && ProcessTable.CommandLine(pid).Length == 0 && time.GetElapsedTime(began) < DyingPatience) await Task.Delay(PollEvery, time, cancel);
    }
}
