using System.Security.Cryptography.X509Certificates;
using Fairlead.Controllers;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Unit.ApiServer;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Fairlead.Unit.Controllers;

/// <summary>The controllers at work on a real API server, with a stand-in for the node agent that makes bound pods ready.</summary>
internal sealed class TestCluster : IAsyncDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private readonly TestApiServer _server;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _tasks = [];
    private KubeClient? _slow;
    private int _lastAddress;

    private TestCluster(TestApiServer server) => _server = server;

    public KubeClient Client => _server.Client;

    /// <param name="lag">How far the controllers' watches lag behind the server.</param>
    public static async Task<TestCluster> StartAsync(
        ControllerOptions? options = null, int nodes = 1, bool runPods = true, ILoggerFactory? logs = null, TimeSpan? lag = null)
    {
        var cluster = new TestCluster(await TestApiServer.StartAsync());
        var client = lag is { } slow ? cluster._slow = SlowClient(cluster._server, slow) : cluster.Client;
        var set = new ControllerSet(client, options ?? new ControllerOptions(), logs ?? NullLoggerFactory.Instance, TimeProvider.System);
        cluster._tasks.Add(set.RunAsync(cluster._stop.Token));
        await set.Ready.WaitAsync(Deadline);
        for (var i = 1; i <= nodes; i++) await cluster.AddNodeAsync($"node-{i}");
        if (runPods) cluster._tasks.Add(cluster.RunPodsAsync(cluster._stop.Token));
        return cluster;
    }

    public async Task AddNodeAsync(string name)
    {
        await Client.CreateAsync(ApiResources.Nodes, new V1Node { Metadata = new V1ObjectMeta { Name = name } }, CancellationToken.None);
        await PatchNodeAsync(name, "True");
    }

    public async Task PatchNodeAsync(string name, string ready)
    {
        var status = System.Text.Json.Nodes.JsonNode.Parse($$$"""
            {"status":{"allocatable":{"cpu":"4","memory":"8Gi","pods":"110"},"capacity":{"cpu":"4","memory":"8Gi","pods":"110"},
             "conditions":[{"type":"Ready","status":"{{{ready}}}","reason":"Test","message":"test"}]}}
            """)!.AsObject();
        await WriteAsync(() => Client.PatchAsync(ApiResources.Nodes, new ObjectKey("", name), Patch.StrategicMerge(status), "status", CancellationToken.None));
    }

    /// <summary>Tries a write again that met one of the controllers'.</summary>
    public static async Task WriteAsync(Func<Task> write)
    {
        while (true)
        {
            try
            {
                await write();
                return;
            }
            catch (KubeApiException e) when (e.IsConflict)
            {
                await Task.Yield();
            }
        }
    }

    public static V1ReplicationController Kubia(int replicas = 3) => new()
    {
        Metadata = new V1ObjectMeta { Name = "kubia", NamespaceProperty = "default" },
        Spec = new V1ReplicationControllerSpec
        {
            Replicas = replicas,
            Selector = new Dictionary<string, string> { ["app"] = "kubia" },
            Template = new V1PodTemplateSpec
            {
                Metadata = new V1ObjectMeta { Labels = new Dictionary<string, string> { ["app"] = "kubia" } },
                Spec = new V1PodSpec { Containers = [new V1Container { Name = "kubia", Image = "fairlead/host" }] },
            },
        },
    };

    public static V1Service Service(string name = "kubia", bool selects = true) => new()
    {
        Metadata = new V1ObjectMeta { Name = name, NamespaceProperty = "default" },
        Spec = new V1ServiceSpec
        {
            Selector = selects ? new Dictionary<string, string> { ["app"] = "kubia" } : null,
            Ports = [new V1ServicePort { Port = 80, TargetPort = 8080 }],
        },
    };

    public async Task<IReadOnlyList<V1Pod>> PodsAsync(string ns = "default") =>
        (await Client.ListAsync(ApiResources.Pods, ns, ListOptions.All, CancellationToken.None)).Items;

    public async Task<IReadOnlyList<V1EndpointSlice>> SlicesAsync(string service = "kubia") =>
        (await Client.ListAsync(ApiResources.EndpointSlices, "default", new ListOptions { LabelSelector = $"kubernetes.io/service-name={service}" }, CancellationToken.None)).Items;

    public async Task<IReadOnlyList<string>> EventsAsync(string reason) =>
        [.. (await Client.ListAsync(ApiResources.Events, "default", ListOptions.All, CancellationToken.None)).Items.Where(e => e.Reason == reason).Select(e => e.Message)];

    /// <summary>Waits until the condition holds; a deadline missed is a failure that shows the last value.</summary>
    public static async Task<T> UntilAsync<T>(Func<Task<T>> read, Func<T, bool> holds, string what)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var value = await read();
            if (holds(value)) return value;
            if (TimeProvider.System.GetElapsedTime(started) > Deadline) Assert.Fail($"not in time: {what}; last: {Show(value)}");
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System);
        }
    }

    private static string Show<T>(T value) => value switch
    {
        null => "nothing",
        System.Collections.IEnumerable items => string.Join('\n', items.Cast<object>().Select(item => item as string ?? KubernetesJson.Serialize(item))),
        _ => KubernetesJson.Serialize(value),
    };

    public Task<IReadOnlyList<V1Pod>> UntilPodsAsync(Func<IReadOnlyList<V1Pod>, bool> holds, string what) => UntilAsync(() => PodsAsync(), holds, what);

    public static bool IsReady(V1Pod pod) => pod.Status?.Conditions?.Any(condition => condition is { Type: "Ready", Status: "True" }) == true;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_tasks).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
        _slow?.Dispose();
        await _server.DisposeAsync();
    }

    private static KubeClient SlowClient(TestApiServer server, TimeSpan lag)
    {
        var configuration = new KubeClientConfiguration
        {
            Server = new Uri($"https://{server.Address}"),
            CertificateAuthorities = [X509Certificate2.CreateFromPem(server.Authority.CertificatePem)],
            ClientCertificate = server.Authority.Issue("slow", ["system:masters"], []).ToX509(),
        };
        return new KubeClient(new HttpClient(new SlowWatches(configuration.CreateHandler(), lag)) { BaseAddress = configuration.Server }, "fairlead-test");
    }

    /// <summary>What a node agent does, as far as controllers can see: bound pods run and become ready, deleted ones go.</summary>
    private async Task RunPodsAsync(CancellationToken cancel)
    {
        var list = await Client.ListAsync(ApiResources.Pods, null, ListOptions.All, cancel);
        foreach (var pod in list.Items) await RunPodAsync(pod, cancel);
        await foreach (var change in Client.WatchAsync(ApiResources.Pods, null, ListOptions.All, list.ResourceVersion, cancel))
        {
            if (change.Type is WatchEventType.Added or WatchEventType.Modified) await RunPodAsync(change.Object, cancel);
        }
    }

    private async Task RunPodAsync(V1Pod pod, CancellationToken cancel)
    {
        if (string.IsNullOrEmpty(pod.Spec.NodeName)) return;
        if (pod.Metadata.DeletionTimestamp is not null)
        {
            await Client.DeleteAsync(ApiResources.Pods, ObjectKey.Of(pod), new V1DeleteOptions { GracePeriodSeconds = 0 }, cancel);
            return;
        }
        if (!string.IsNullOrEmpty(pod.Status?.PodIP)) return;
        var ip = $"10.244.{++_lastAddress / 250}.{(_lastAddress % 250) + 1}";
        var status = System.Text.Json.Nodes.JsonNode.Parse($$$"""
            {"status":{"phase":"Running","podIP":"{{{ip}}}","podIPs":[{"ip":"{{{ip}}}"}],
             "conditions":[{"type":"Ready","status":"True","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}
            """)!.AsObject();
        await WriteAsync(() => Client.PatchAsync(ApiResources.Pods, ObjectKey.Of(pod), Patch.StrategicMerge(status), "status", cancel));
    }
}
