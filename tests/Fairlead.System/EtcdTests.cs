using System.Globalization;
using System.Net;
using Fairlead.Unit.ApiServer.Storage;
using Xunit;

namespace Fairlead.System;

/// <summary>Two servers on one etcd, after a move of a cluster from its file to there.</summary>
public sealed class EtcdTests : IAsyncLifetime
{
    private static readonly IPAddress Member = new([127, (byte)(1 + (Environment.ProcessId % 250)), (byte)Random.Shared.Next(256), (byte)Random.Shared.Next(1, 255)]);
    private readonly ServerProcess _one = new();
    private readonly ServerProcess _two = new() { AdvertiseAddress = "192.0.2.11" };
    private readonly string _backup = Path.GetTempFileName();
    private EtcdCluster _etcd = null!;

    public async ValueTask InitializeAsync() => _etcd = await EtcdCluster.StartAsync([Member]);

    public async ValueTask DisposeAsync()
    {
        await _one.DisposeAsync();
        await _two.DisposeAsync();
        await _etcd.DisposeAsync();
        File.Delete(_backup);
    }

    [Fact]
    public async Task AClusterMovesToEtcd_TwoServersServeIt_AndOneFollowsTheOther()
    {
        var staying = _two;
        await _one.StartAsync();
        await KubectlAsync(_one, "create", "namespace", "shop");
        await KubectlAsync(_one, "create", "service", "nodeport", "web", "--tcp=80", "-n", "shop");
        var before = await KubectlAsync(_one, "get", "service", "web", "-n", "shop", "-o", "jsonpath={.metadata.uid} {.spec.clusterIP} {.spec.ports[0].nodePort}");
        var revision = await RevisionAsync(_one);
        await Command.RunAsync(Command.Fairlead, "backup", _backup, "--kubeconfig", _one.Kubeconfig);
        await _one.EndAsync();
        var restored = await Command.RunAsync(Command.Fairlead, "restore", _backup, "--etcd-servers", _etcd.Servers);
        Assert.Contains($"--etcd-servers {_etcd.Servers}", restored.Output, StringComparison.Ordinal);

        // Both begin at once.
        _two.TakePkiOf(_one);
        _one.Options = _two.Options = ["--etcd-servers", _etcd.Servers];
        await Task.WhenAll(_one.StartAsync(), _two.StartAsync());
        foreach (var server in (ServerProcess[])[_one, _two])
            Assert.Equal(before, await KubectlAsync(server, "get", "service", "web", "-n", "shop", "-o", "jsonpath={.metadata.uid} {.spec.clusterIP} {.spec.ports[0].nodePort}"));
        Assert.True(await RevisionAsync(_two) > revision);
        Assert.Equal("192.0.2.10 192.0.2.11", await Until.AsyncHolds(
            () => KubectlAsync(_two, "get", "endpoints", "kubernetes", "-o", "jsonpath={.subsets[*].addresses[*].ip}"), ips => ips.Contains(' ', StringComparison.Ordinal), "both are endpoints"));

        // What is taken is taken at either.
        var taken = await Command.TryAsync("kubectl", ["--kubeconfig", _two.Kubeconfig, "create", "service", "clusterip", "thief", "--tcp=80", $"--clusterip={before.Split(' ')[1]}"]);
        Assert.Contains("provided IP is already allocated", taken.Error, StringComparison.Ordinal);

        // One set of controllers, whoever is asked.
        await KubectlAsync(_two, "create", "deployment", "web", "--image=fairlead/host", "--replicas=3", "-n", "shop");
        await PodsAsync(3);
        var leader = await LeaderAsync();
        (var ending, staying) = leader.Contains("192.0.2.10", StringComparison.Ordinal) ? (_one, _two) : (_two, _one);
        await ending.EndAsync();
        await KubectlAsync(staying, "scale", "deployment", "web", "--replicas=5", "-n", "shop");
        await PodsAsync(5);
        Assert.NotEqual(leader, await LeaderAsync());

        var again = await Command.TryAsync(Command.Fairlead, ["restore", _backup, "--etcd-servers", _etcd.Servers]);
        Assert.Equal(1, again.Code);
        Assert.Contains("has something under /registry already", again.Error, StringComparison.Ordinal);

        async Task PodsAsync(int count)
        {
            await Until.AsyncHolds(
                async () => (await KubectlAsync(staying, "get", "pods", "-n", "shop", "-o", "name")).Split('\n').Length, found => found == count, $"there are {count} pods");
        }

        Task<string> LeaderAsync() => KubectlAsync(staying, "get", "lease", "kube-controller-manager", "-n", "kube-system", "-o", "jsonpath={.spec.holderIdentity}");
    }

    private static async Task<string> KubectlAsync(ServerProcess server, params string[] arguments) =>
        (await Command.RunAsync("kubectl", ["--kubeconfig", server.Kubeconfig, .. arguments])).Output.Trim();

    private static async Task<long> RevisionAsync(ServerProcess server)
    {
        var (_, list) = await server.SendAsync(HttpMethod.Get, "/api/v1/namespaces");
        return long.Parse((string)list["metadata"]!["resourceVersion"]!, CultureInfo.InvariantCulture);
    }
}
