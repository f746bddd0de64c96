using System.Text;
using k8s;
using k8s.Autorest;
using k8s.LeaderElection;
using k8s.LeaderElection.ResourceLock;
using k8s.Models;
using Xunit;

namespace Fairlead.System;

/// <summary>The C# client, KubernetesClient, as a program would use it that knows nothing of this server.</summary>
public sealed class ForeignClientTests(Cluster cluster)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task List_PagesAndSelectors_AreTheObjects()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        using var client = Client();
        for (var i = 0; i < 5; i++) await client.CoreV1.CreateNamespacedConfigMapAsync(Map($"m{i}", i % 2 == 0 ? "even" : "odd"), kubectl.Namespace, cancellationToken: Cancel);

        var names = new List<string>();
        string? next = null;
        do
        {
            var page = await client.CoreV1.ListNamespacedConfigMapAsync(kubectl.Namespace, labelSelector: "is", limit: 2, continueParameter: next, cancellationToken: Cancel);
            names.AddRange(page.Items.Select(item => item.Metadata.Name));
            next = page.Metadata.ContinueProperty;
        }
        while (!string.IsNullOrEmpty(next));
        var odd = await client.CoreV1.ListNamespacedConfigMapAsync(kubectl.Namespace, labelSelector: "is=odd", cancellationToken: Cancel);

        Assert.Equal(["m0", "m1", "m2", "m3", "m4"], names);
        Assert.Equal(["m1", "m3"], odd.Items.Select(item => item.Metadata.Name));
        var missing = await Assert.ThrowsAsync<HttpOperationException>(() => client.CoreV1.ReadNamespacedConfigMapAsync("none", kubectl.Namespace, cancellationToken: Cancel));
        Assert.Contains("configmaps \\\"none\\\" not found", missing.Response.Content, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Delete_AnswersWhatTheClientExpects()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        using var client = Client();
        var service = new V1Service { Metadata = new V1ObjectMeta { Name = "s" }, Spec = new V1ServiceSpec { Ports = [new V1ServicePort { Port = 80 }] } };
        var made = await client.CoreV1.CreateNamespacedServiceAsync(service, kubectl.Namespace, cancellationToken: Cancel);
        await client.CoreV1.CreateNamespacedConfigMapAsync(Map("m", "odd"), kubectl.Namespace, cancellationToken: Cancel);
        await client.CoreV1.CreateNamespacedConfigMapAsync(Map("n", "odd"), kubectl.Namespace, cancellationToken: Cancel);

        var gone = await client.CoreV1.DeleteNamespacedServiceAsync("s", kubectl.Namespace, cancellationToken: Cancel);
        var done = await client.CoreV1.DeleteNamespacedConfigMapAsync("m", kubectl.Namespace, cancellationToken: Cancel);
        await client.CoreV1.DeleteCollectionNamespacedConfigMapAsync(kubectl.Namespace, labelSelector: "is=odd", cancellationToken: Cancel);
        var left = await client.CoreV1.ListNamespacedConfigMapAsync(kubectl.Namespace, labelSelector: "is", cancellationToken: Cancel);

        Assert.Equal((made.Spec.ClusterIP, "Success"), (gone.Spec.ClusterIP, done.Status));
        Assert.Empty(left.Items);
    }

    [Fact]
    public async Task Watch_TellsOfWhatHappens()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        using var client = Client();
        var before = await client.CoreV1.ListNamespacedConfigMapAsync(kubectl.Namespace, cancellationToken: Cancel);
        var seen = new List<string>();
        var watching = Task.Run(
            async () =>
            {
                await foreach (var (type, map) in client.CoreV1.WatchListNamespacedConfigMapAsync(kubectl.Namespace, resourceVersion: before.Metadata.ResourceVersion, cancellationToken: Cancel))
                {
                    seen.Add($"{type} {map.Metadata.Name}");
                    if (type == WatchEventType.Deleted) return;
                }
            }, Cancel);
        await client.CoreV1.CreateNamespacedConfigMapAsync(Map("a", "odd"), kubectl.Namespace, cancellationToken: Cancel);
        await client.CoreV1.PatchNamespacedConfigMapAsync(new V1Patch("{\"data\":{\"a\":\"b\"}}", V1Patch.PatchType.MergePatch), "a", kubectl.Namespace, cancellationToken: Cancel);
        await client.CoreV1.DeleteNamespacedConfigMapAsync("a", kubectl.Namespace, cancellationToken: Cancel);

        await watching.WaitAsync(Patience, Cancel);

        Assert.Equal(["Added a", "Modified a", "Deleted a"], seen);
    }

    [Fact]
    public async Task Exec_OverWebSocket_CarriesInputOutputAndExitCode()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.RunAsync("run", "p", "--image=fairlead/host", "--", "sleep", "1000");
        await kubectl.RunAsync("wait", "--for=condition=Ready", "pod/p", "--timeout=60s");
        using var client = Client();
        var (output, errors) = ("", "");

        var code = await client.NamespacedPodExecAsync(
            "p", kubectl.Namespace, "p", ["sh", "-c", "read line; echo got $line; echo oops >&2; exit 7"], tty: false,
            async (input, stdout, stderr) =>
            {
                await input.WriteAsync("word\n"u8.ToArray(), Cancel);
                output = await ReadAsync(stdout);
                errors = await ReadAsync(stderr);
            }, Cancel).WaitAsync(Patience, Cancel);

        Assert.Equal((7, "got word\n", "oops\n"), (code, output, errors));
    }

    [Fact]
    public async Task LeaderElection_ByLease_OneLeadsAndTheNextFollows()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        using var client = Client();
        using var firstEnds = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        using var secondEnds = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var (firstLeads, secondLeads) = (new TaskCompletionSource(), new TaskCompletionSource());

        var first = Elect(client, kubectl.Namespace, "first", firstLeads).RunUntilLeadershipLostAsync(firstEnds.Token);
        await firstLeads.Task.WaitAsync(Patience, Cancel);
        var second = Elect(client, kubectl.Namespace, "second", secondLeads).RunUntilLeadershipLostAsync(secondEnds.Token);
        Assert.Equal("first", await HolderAsync(kubectl));
        Assert.False(secondLeads.Task.IsCompleted);
        await firstEnds.CancelAsync();
        await Task.WhenAny(first).WaitAsync(Patience, Cancel);

        await secondLeads.Task.WaitAsync(Patience, Cancel);
        Assert.Equal("second", await HolderAsync(kubectl));
        await secondEnds.CancelAsync();
        await Task.WhenAny(second).WaitAsync(Patience, Cancel);
    }

    private static LeaderElector Elect(IKubernetes client, string ns, string name, TaskCompletionSource leads)
    {
        var elector = new LeaderElector(new LeaderElectionConfig(new LeaseLock(client, ns, "election", name))
        {
            LeaseDuration = TimeSpan.FromSeconds(2), RenewDeadline = TimeSpan.FromSeconds(1.5), RetryPeriod = TimeSpan.FromSeconds(0.3),
        });
        elector.OnStartedLeading += () => leads.TrySetResult();
        return elector;
    }

    private static Task<string> HolderAsync(Kubectl kubectl) => kubectl.RunAsync("get", "lease", "election", "-o", "jsonpath={.spec.holderIdentity}");

    private static V1ConfigMap Map(string name, string label) => new() { Metadata = new V1ObjectMeta { Name = name, Labels = new Dictionary<string, string> { ["is"] = label } } };

    private static async Task<string> ReadAsync(Stream stream)
    {
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return await reader.ReadToEndAsync(Cancel);
    }

    private Kubernetes Client() => new(KubernetesClientConfiguration.BuildConfigFromConfigFile(cluster.Kubeconfig));
}
