using System.Text.RegularExpressions;
using Fairlead.System;
using Xunit;

[assembly: AssemblyFixture(typeof(Cluster))]

namespace Fairlead.System;

/// <summary>A started cluster that the tests of this assembly share; each works in a namespace of its own.</summary>
public sealed class Cluster : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fairlead-system-").FullName;

    public string Name { get; } = $"test-{Environment.ProcessId}";

    public string Kubeconfig => Path.Combine(_folder, "kubeconfig");

    public string Data => $"/var/lib/fairlead/{Name}";

    public async ValueTask InitializeAsync() =>
        await Command.RunAsync(Command.Fairlead, "up", "--name", Name, "--kubeconfig", Kubeconfig);

    public async ValueTask DisposeAsync()
    {
        await Command.RunAsync(Command.Fairlead, "down", "--name", Name);
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>A fresh namespace, which pods can be created in, and kubectl in it; the namespace is deleted with it.</summary>
    public async Task<Kubectl> NamespaceAsync()
    {
        var kubectl = new Kubectl(Kubeconfig, $"t{Guid.NewGuid().ToString("N")[..8]}");
        await kubectl.ApplyAsync($"{{ apiVersion: v1, kind: Namespace, metadata: {{ name: {kubectl.Namespace} }} }}");
        await Until.AsyncHolds(() => kubectl.TryAsync(["get", "serviceaccount", "default"]), found => found.Code == 0, "the namespace has its account");
        return kubectl;
    }
}

/// <summary>kubectl against a cluster, in one namespace.</summary>
public sealed partial class Kubectl(string kubeconfig, string ns) : IAsyncDisposable
{
    /// <summary>kubectl 1.32 says so of the empty frame by which a server opens a stream, when that comes before kubectl has made its own end of it.</summary>
    [GeneratedRegex(@"^E\d{4} .*websocket\.go:\d+\] Unknown stream id \d, discarding message\n", RegexOptions.Multiline)]
    private static partial Regex OwnComplaint();

    /// <summary>What curl exits with where nobody listens, or a service has no endpoint.</summary>
    public const int CouldNotConnect = 7;

    public string Namespace { get; } = ns;

    public string Kubeconfig { get; } = kubeconfig;

    /// <summary>Runs kubectl, which must succeed, and answers its output without the last line break.</summary>
    public async Task<string> RunAsync(params string[] arguments) =>
        (await Command.RunAsync("kubectl", All(arguments))).Output.TrimEnd('\n');

    public async Task<CommandResult> TryAsync(string[] arguments, string? input = null, IReadOnlyDictionary<string, string>? environment = null)
    {
        var result = await Command.TryAsync("kubectl", All(arguments), input, environment);
        return result with { Error = OwnComplaint().Replace(result.Error, "") };
    }

    /// <summary>Applies a manifest given as text, which must succeed.</summary>
    public async Task ApplyAsync(string manifest)
    {
        var result = await TryApplyAsync(manifest);
        Assert.True(result.Code == 0, result.Error);
    }

    // The line before it says YAML: kubectl takes what begins with a brace for JSON.
    public Task<CommandResult> TryApplyAsync(string manifest) => TryAsync(["apply", "-f", "-"], "---\n" + manifest);

    /// <summary>Words of a jsonpath.</summary>
    public async Task<string[]> WordsAsync(string what, string jsonPath, params string[] more) =>
        (await RunAsync(["get", what, .. more, "-o", $"jsonpath={jsonPath}"])).Split(' ', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Names of the ready pods of an application.</summary>
    public async Task<string[]> ReadyPodsAsync(string app)
    {
        var lines = await RunAsync("get", "pods", "-l", $"app={app}", "-o",
            "jsonpath={range .items[*]}{.metadata.name} {.metadata.deletionTimestamp} {.status.conditions[?(@.type==\"Ready\")].status}{\"\\n\"}{end}");
        return [.. lines.Split('\n').Select(line => line.Split(' ')).Where(words => words is [_, "", "True"]).Select(words => words[0]).Order()];
    }

    public Task<string[]> WaitForReadyAsync(string app, int count) =>
        Until.AsyncHolds(() => ReadyPodsAsync(app), pods => pods.Length == count, $"{count} ready pods of {app}");

    /// <summary>Names of the pods behind a service, by its slices' ready endpoints.</summary>
    public async Task<string[]> EndpointPodsAsync(string service)
    {
        var words = await WordsAsync("endpointslices", "{range .items[*].endpoints[?(@.conditions.ready==true)]}{.targetRef.name} {end}", "-l", $"kubernetes.io/service-name={service}");
        return [.. words.Order()];
    }

    public Task<string[]> WaitForEndpointsAsync(string service, int count) =>
        Until.AsyncHolds(() => EndpointPodsAsync(service), pods => pods.Length == count, $"{count} endpoints of {service}");

    /// <summary>
    /// Until so many pods of an application say in their logs that they serve, as <c>fairlead echo</c> does: without a readiness probe
    /// a pod is ready, and an endpoint, before its program listens.
    /// </summary>
    public async Task<string[]> WaitForServingAsync(string app, int count)
    {
        var pods = await WaitForReadyAsync(app, count);
        await Until.AsyncHolds(() => RunAsync("logs", "-l", $"app={app}", "--tail=-1"), log => log.Split('\n').Count(line => line.Contains(" serves ", StringComparison.Ordinal)) >= count, $"{count} pods of {app} serve");
        return pods;
    }

    public Task<string> ClusterIpAsync(string service) => RunAsync("get", "service", service, "-o", "jsonpath={.spec.clusterIP}");

    /// <summary>curl from inside a pod, until somebody listens: a pod without a readiness probe is ready before its program is.</summary>
    public Task<CommandResult> CurlAsync(string pod, params string[] arguments) =>
        Until.AsyncHolds(() => CurlOnceAsync(pod, arguments), answer => answer.Code != CouldNotConnect, $"{arguments[^1]} is listened to");

    /// <summary>curl from inside a pod, until it is refused.</summary>
    public Task RefusedAsync(string pod, string url) =>
        Until.AsyncHolds(() => CurlOnceAsync(pod, url), answer => answer.Code == CouldNotConnect, $"{url} refuses");

    private Task<CommandResult> CurlOnceAsync(string pod, params string[] arguments) =>
        TryAsync(["exec", pod, "--", "curl", "-s", "--max-time", "5", .. arguments]);

    public async ValueTask DisposeAsync() => await RunAsync("delete", "namespace", Namespace, "--wait=false");

    private string[] All(string[] arguments) => ["--kubeconfig", Kubeconfig, "--namespace", Namespace, .. arguments];
}
