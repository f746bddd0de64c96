using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Fairlead.Linux.Files;
using Fairlead.Node;
using Fairlead.Node.Images;
using Fairlead.Node.Images.Registry;
using Fairlead.Node.Metrics;
using Fairlead.Node.Pods;
using Fairlead.Node.Runtime;
using Fairlead.Node.Runtime.Usage;
using Fairlead.Node.Volumes;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Fairlead.Unit.Node;

/// <summary>A pod that waits is looked at again, however long the look before took.</summary>
public sealed class RetryTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fairlead-retry-").FullName;
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>The status write of a slow machine takes longer than the retry waits: by then the retry is due, and must not be forgotten.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(499)]
    [InlineData(501)]
    [InlineData(60_000)]
    public async Task Pass_ThatLeavesARetry_AsksForTheNextLook(int statusWriteMilliseconds)
    {
        var api = new FakePodApi { WhileWriting = () => _time.Advance(TimeSpan.FromMilliseconds(statusWriteMilliseconds)) };
        var looks = new List<TimeSpan>();
        using var worker = Worker(api, (_, after) => looks.Add(after));
        var pod = new V1Pod
        {
            Metadata = new V1ObjectMeta { Name = "waits", NamespaceProperty = "default", Uid = "uid" },
            Spec = new V1PodSpec
            {
                Containers = [new V1Container { Name = "main", Image = "fairlead/host", Command = ["/bin/true"] }],
                Volumes = [new V1Volume { Name = "settings", ConfigMap = new V1ConfigMapVolumeSource { Name = "late" } }],
            },
            Status = new V1PodStatus { Phase = "Pending" },
        };
        api.Put(pod);
        await worker.SyncAsync("uid", pod, CancellationToken.None);
        Assert.Contains(api.Events, e => e.Reason == "FailedMount");
        var asked = Assert.Single(looks);
        Assert.Equal(Math.Max(0, 500 - statusWriteMilliseconds), asked.TotalMilliseconds);

        api.ConfigMaps["late"] = new V1ConfigMap { Data = new Dictionary<string, string> { ["a"] = "b" } };
        _time.Advance(asked);
        await worker.SyncAsync("uid", api.Find("waits"), CancellationToken.None);
        Assert.Equal("Running", api.Find("waits")!.Status.Phase);
    }

    [Fact]
    public async Task Pass_WhileOnlyAStopIsUnderWay_AsksForNoLook()
    {
        var api = new FakePodApi();
        var looks = new List<TimeSpan>();
        using var worker = Worker(api, (_, after) => looks.Add(after));
        var pod = new V1Pod
        {
            Metadata = new V1ObjectMeta { Name = "stops", NamespaceProperty = "default", Uid = "uid" },
            Spec = new V1PodSpec { Containers = [new V1Container { Name = "main", Image = "fairlead/host", Command = ["/bin/true"] }] },
            Status = new V1PodStatus { Phase = "Pending" },
        };
        api.Put(pod);
        await worker.SyncAsync("uid", pod, CancellationToken.None);
        looks.Clear();
        api.Delete("stops", 30);
        await worker.SyncAsync("uid", api.Find("stops"), CancellationToken.None);
        Assert.Empty(looks);
    }

    private PodWorker Worker(FakePodApi api, Action<string, TimeSpan> again)
    {
        var options = new NodeAgentOptions
        {
            ClusterName = "ut",
            NodeName = "node",
            InternalAddress = IPAddress.Loopback,
            RootDirectory = $"{_folder}/root",
            RunDirectory = $"{_folder}/run",
            ImageDirectory = $"{_folder}/images",
        };
        var paths = new NodePaths(options);
        Directory.CreateDirectory(paths.Pod("uid"));
        var node = new NodeContext { Address = IPAddress.Loopback, ClusterDns = null, ClusterDomain = "cluster.local", HostName = "node", Memory = 1L << 33, Offer = NodeHarness.Offer, Services = () => [] };
        var runtime = new FakeRuntime(_time);
        var store = new ImageStore(paths.Images, _time);
        var images = new NodeImages(new HostImage("/bin/true"), store, new RegistryPull(store), NullLogger.Instance);
        return new PodWorker(api, runtime, new PodAdmission(() => [], NodeHarness.Offer, () => false, runtime, _ => { }), new ContainerStarter(api, runtime, images, paths, node), new ObjectWatches(api, _ => { }), node, new AgentMetrics(), _time, NullLogger.Instance, again);
    }
}

/// <summary>Containers that run as soon as they are started, and end only when they are told of as ended.</summary>
internal sealed class FakeRuntime(TimeProvider time) : IContainerRuntime
{
    private PodRuntimeState _state = PodRuntimeState.Nothing;

    public event Action<string>? Changed;

    public string Name => "fake";
    public string Version => "1";
    public IReadOnlyCollection<string> PodUids => _state.Sandbox is { } sandbox ? [sandbox.PodUid] : [];

    public PodRuntimeState Observe(string podUid) => _state;

    public PodUsage? ReadUsage(string podUid) => null;

    public Task<ImmutableDictionary<string, DiskUse>> ReadDiskUseAsync(string podUid, CancellationToken cancel) => Task.FromResult(ImmutableDictionary<string, DiskUse>.Empty);

    public Task<PodSandbox> RunSandboxAsync(SandboxConfig config, CancellationToken cancel)
    {
        var sandbox = new PodSandbox(config.PodUid, config.Namespace, config.Name, config.HostName, false, "10.0.0.1", time.GetUtcNow(), true);
        _state = _state with { Sandbox = sandbox };
        return Task.FromResult(sandbox);
    }

    public Task StopSandboxAsync(string podUid, CancellationToken cancel) => Task.CompletedTask;

    public Task RemoveSandboxAsync(string podUid, CancellationToken cancel) => Task.CompletedTask;

    public Task<ContainerState> RunContainerAsync(ContainerConfig config, CancellationToken cancel)
    {
        var container = new ContainerState($"id{config.Attempt}", config.Sandbox.PodUid, config.Name, config.Init, config.Attempt, config.ImageName, config.Image.Id, ContainerPhase.Running)
        {
            CreatedAt = time.GetUtcNow(),
            StartedAt = time.GetUtcNow(),
        };
        _state = _state with { Containers = _state.Containers.Add(container) };
        Changed?.Invoke(container.PodUid);
        return Task.FromResult(container);
    }

    public Task StopContainerAsync(string podUid, string containerId, TimeSpan grace, CancellationToken cancel) => Task.CompletedTask;

    public Task RemoveContainerAsync(string podUid, string containerId, CancellationToken cancel) => Task.CompletedTask;

    public Task ReopenLogAsync(string podUid, string containerId, CancellationToken cancel) => Task.CompletedTask;

    public Task<IExecSession> ExecAsync(string podUid, string containerId, ExecConfig config, CancellationToken cancel) => throw new RuntimeException("it runs nothing");

    public Task<IExecSession> AttachAsync(string podUid, string containerId, bool input, CancellationToken cancel) => throw new RuntimeException("it runs nothing");

    public Task<Socket> ConnectAsync(string podUid, int port, CancellationToken cancel) => throw new RuntimeException("it runs nothing");
}
