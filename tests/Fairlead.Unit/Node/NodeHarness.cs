using System.Net;
using Fairlead.Kube.Placement;
using Fairlead.Linux.Namespaces;
using Fairlead.Node;
using Fairlead.Node.Images;
using Fairlead.Node.Images.Registry;
using Fairlead.Node.Metrics;
using Fairlead.Node.Network;
using Fairlead.Node.Pods;
using Fairlead.Node.Runtime;
using Fairlead.Node.Runtime.Oci;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Fairlead.Unit.Node;

/// <summary>
/// A node of its own: a network namespace, folders, runc and conmon, over a fake API. <see cref="RestartAgentAsync"/> is the
/// death and the coming back of the agent. Disposing it takes everything down.
/// </summary>
internal sealed class NodeHarness : IAsyncDisposable
{
    private readonly string _name = $"ut-{Guid.NewGuid():N}"[..11];
    private readonly NetworkNamespace _network;
    private readonly string _namespacePath;
    private CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;
    private PodLoop? _loop;
    private NodeImages? _images;

    private NodeHarness()
    {
        Options = new NodeAgentOptions
        {
            ClusterName = _name,
            NodeName = "node",
            InternalAddress = IPAddress.Parse("192.0.2.1"),
            ClusterDns = IPAddress.Parse("10.96.0.10"),
            RootDirectory = $"/var/lib/fairlead/{_name}/nodes/node",
            FairleadBinary = "/bin/true",
        };
        Paths = new NodePaths(Options);
        Paths.CreateFolders();
        _namespacePath = $"{Paths.Run}/netns";
        _network = NetworkNamespace.Create(_namespacePath);
        Pods = new PodNetwork(_network, "fl-pods", Paths.Addresses);
        Pods.Configure(IPNetwork.Parse("10.244.9.0/24"));
        Runtime = null!;
        Images = new ImageStore(Paths.Images, TimeProvider.System);
    }

    /// <summary>Two cores, 8 GiB.</summary>
    public static NodeOffer Offer() => new("node", new NodeResources(2000, 8L << 30, 10L << 30, default), 110);

    public NodeAgentOptions Options { get; }

    public NodePaths Paths { get; }

    public FakePodApi Api { get; } = new();

    public PodNetwork Pods { get; }

    public ImageStore Images { get; }

    public OciRuntime Runtime { get; private set; }

    public PodLoop Loop => _loop!;

    public NetworkNamespace Network => _network;

    public static NodeHarness Start()
    {
        var harness = new NodeHarness();
        harness.StartAgent();
        return harness;
    }

    public void StartAgent()
    {
        _stop = new CancellationTokenSource();
        Runtime = new OciRuntime(
            RuntimeKind.Runc, "test", new OciCommand("/usr/sbin/runc", "/usr/bin/conmon", Paths.RuntimeState), Paths, Pods, TimeProvider.System, NullLogger.Instance);
        _images = new NodeImages(new HostImage("/bin/true"), Images, new RegistryPull(Images), NullLogger.Instance);
        var node = new NodeContext
        {
            Address = Options.InternalAddress,
            ClusterDns = "10.96.0.10",
            ClusterDomain = "cluster.local",
            HostName = "node",
            Memory = 1L << 33,
            Offer = Offer,
            Services = () => [],
        };
        var metrics = new AgentMetrics();
        var starter = new ContainerStarter(Api, Runtime, _images, Paths, node);
        _loop = new PodLoop(Api, new MeasuredRuntime(Runtime, metrics, TimeProvider.System), starter, node, metrics, TimeProvider.System, NullLogger.Instance);
        Api.Changed += _loop.Observe;
        foreach (var name in _known)
        {
            if (Api.Find(name) is { } pod) _loop.Observe(null, pod);
        }
        _running = _loop.RunAsync(Task.CompletedTask, _stop.Token);
    }

    private readonly HashSet<string> _known = [];

    public V1Pod Run(string name, Action<V1Pod>? change = null, params string[] command)
    {
        _known.Add(name);
        var pod = new V1Pod
        {
            Metadata = new V1ObjectMeta { Name = name, NamespaceProperty = "default", Uid = Guid.NewGuid().ToString(), Generation = 1 },
            Spec = new V1PodSpec
            {
                NodeName = "node",
                RestartPolicy = "Always",
                TerminationGracePeriodSeconds = 30,
                Containers = [new V1Container { Name = "main", Image = "fairlead/host", Command = command }],
            },
            Status = new V1PodStatus { Phase = "Pending" },
        };
        change?.Invoke(pod);
        Api.Put(pod);
        return pod;
    }

    /// <summary>The first process of a container ignores signals until it has set its traps; its log tells when.</summary>
    public async Task WaitForLogAsync(V1Pod pod, string text)
    {
        var began = TimeProvider.System.GetTimestamp();
        var path = Assert.Single(Runtime.Observe(pod.Metadata.Uid).Containers).LogPath;
        while (!File.ReadAllText(path).Contains(text))
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(10), $"{path} never had {text}");
            await Task.Yield();
        }
    }

    public async Task StopAgentAsync()
    {
        Api.Changed -= _loop!.Observe;
        await _stop.CancelAsync();
        await _running;
        Runtime.Dispose();
        _loop.Dispose();
        _images!.Dispose();
    }

    public async Task RestartAgentAsync()
    {
        await StopAgentAsync();
        StartAgent();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAgentAsync();
        await NodeTeardown.RunAsync(Options, _network, NullLogger.Instance, CancellationToken.None);
        _network.Dispose();
        NetworkNamespace.Delete(_namespacePath);
        Directory.Delete($"/var/lib/fairlead/{_name}", recursive: true);
        if (Directory.Exists($"/run/fairlead/{_name}")) Directory.Delete($"/run/fairlead/{_name}", recursive: true);
    }
}
