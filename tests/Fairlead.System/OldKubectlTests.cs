using Xunit;

namespace Fairlead.System;

/// <summary>Debian's kubernetes-client: kubectl 1.20, which reads OpenAPI v2 as protobuf and knows nothing newer.</summary>
public sealed class OldKubectl : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fairlead-kubectl-").FullName;

    public string Path => global::System.IO.Path.Combine(_folder, "usr", "bin", "kubectl");

    public async ValueTask InitializeAsync()
    {
        const string Download = "apt-get -q download kubernetes-client";
        var result = await Command.TryAsync("sh", ["-c", $"cd \"$0\" && ({Download} || (apt-get -q update && {Download})) && dpkg -x kubernetes-client*.deb .", _folder]);
        Assert.True(result.Code == 0, result.Error);
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }
}

public sealed class OldKubectlTests(Cluster cluster, OldKubectl old) : IClassFixture<OldKubectl>
{
    [Fact]
    public async Task MainJob_ByKubectlOfDebian_Works()
    {
        await using var kubectl = await cluster.NamespaceAsync();

        await RunAsync(kubectl, "apply", "-f", "examples/kubia/");
        var pods = await kubectl.WaitForReadyAsync("kubia", 3);
        var again = await RunAsync(kubectl, "apply", "-f", "examples/kubia/");
        var table = await RunAsync(kubectl, "get", "rc,pods,svc,endpoints,endpointslices", "-o", "wide");
        var described = await RunAsync(kubectl, "describe", "svc", "kubia");
        await RunAsync(kubectl, "scale", "rc", "kubia", "--replicas=1");
        await kubectl.WaitForReadyAsync("kubia", 1);
        await RunAsync(kubectl, "delete", "-f", "examples/kubia/");

        Assert.Contains("service/kubia unchanged", again, StringComparison.Ordinal);
        Assert.Contains($"pod/{pods[0]}", table, StringComparison.Ordinal);
        Assert.Contains("app=kubia", described, StringComparison.Ordinal);
        Assert.Empty(await kubectl.RunAsync("get", "rc,svc", "-o", "name"));
    }

    [Fact]
    public async Task LogsAndTop_ByKubectlOfDebian_AreThePods()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.ApplyAsync("""
            {"apiVersion":"v1","kind":"Pod","metadata":{"name":"talker","labels":{"app":"talker"}},
             "spec":{"containers":[{"name":"c","image":"fairlead/host","command":["sh","-c","echo hello; exec sleep 1000"]}]}}
            """);
        await kubectl.WaitForReadyAsync("talker", 1);

        Assert.Equal("hello", await RunAsync(kubectl, "logs", "talker"));
        Assert.StartsWith("talker ", await RunAsync(kubectl, "top", "pod", "talker", "--no-headers"), StringComparison.Ordinal);
        Assert.StartsWith("node1 ", await RunAsync(kubectl, "top", "node", "--no-headers"), StringComparison.Ordinal);
    }

    /// <summary>The mission's manifest, in both of the groups that Ingresses once had, by either kubectl; and a request through it.</summary>
    [Theory]
    [InlineData("extensions/v1beta1", true)]
    [InlineData("extensions/v1beta1", false)]
    [InlineData("networking.k8s.io/v1beta1", true)]
    [InlineData("networking.k8s.io/v1beta1", false)]
    public async Task MissionsIngress_OfOldGroups_ServesARequest(string version, bool byDebians)
    {
        await using var kubectl = await cluster.NamespaceAsync();
        Task<string> DoAsync(params string[] arguments) => byDebians ? RunAsync(kubectl, arguments) : kubectl.RunAsync(arguments);
        await kubectl.RunAsync("apply", "-f", "examples/kubia/");
        await kubectl.WaitForEndpointsAsync("kubia", 3);
        await DoAsync("expose", "rc", "kubia", "--name=kubia-nodeport", "--type=NodePort", "--port=80", "--target-port=8080");
        var host = $"{kubectl.Namespace}.example.com";
        var manifest = await File.ReadAllTextAsync(global::System.IO.Path.Combine(Command.Root, "examples", "kubia-ingress", "ingress.yaml"));
        Assert.Contains("apiVersion: extensions/v1beta1", manifest, StringComparison.Ordinal);
        var file = global::System.IO.Path.GetTempFileName();
        await File.WriteAllTextAsync(file, manifest.Replace("extensions/v1beta1", version, StringComparison.Ordinal).Replace("kubia.example.com", host, StringComparison.Ordinal));

        await DoAsync("apply", "-f", file);
        var address = await IngressCalls.AddressAsync(kubectl, "kubia");
        await IngressCalls.ServesAsync(address, $"http://{host}/");

        Assert.StartsWith("You've hit kubia-", (await IngressCalls.CurlAsync(address, $"http://{host}/")).Output, StringComparison.Ordinal);
        var row = (await DoAsync("get", "ingresses", "--no-headers")).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["kubia", host, address, "80"], [row[0], .. row[2..5]]);
        Assert.Contains("kubia-nodeport:80", await DoAsync("describe", "ingress", "kubia"), StringComparison.Ordinal);
        // The list of rules is replaced as a whole, since the server's has a pathType: kubectl says "configured", and nothing is.
        await DoAsync("apply", "-f", file);
        Assert.Equal("1", await DoAsync("get", "ingress", "kubia", "-o", "jsonpath={.metadata.generation}"));
        await DoAsync("delete", "-f", file);
        await Until.AsyncHolds(() => IngressCalls.StatusAsync(address, $"http://{host}/"), status => status == "404", "the route is gone");
        File.Delete(file);
    }

    [Theory]
    [InlineData("""{"apiVersion":"v1","kind":"Service","metadata":{"name":"x"},"spec":{"portz":[]}}""", "unknown field \"portz\"")]
    [InlineData("""{"apiVersion":"v1","kind":"Service","metadata":{"name":"x"},"spec":{"ports":{}}}""", "invalid type for")]
    public async Task Apply_ManifestThatIsWrong_IsRefusedByTheClientsOwnValidation(string manifest, string message)
    {
        await using var kubectl = await cluster.NamespaceAsync();

        var result = await Command.TryAsync(old.Path, Arguments(kubectl, "apply", "-f", "-"), manifest);

        Assert.Equal(1, result.Code);
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
    }

    private async Task<string> RunAsync(Kubectl kubectl, params string[] arguments) =>
        (await Command.RunAsync(old.Path, Arguments(kubectl, arguments))).Output.TrimEnd('\n');

    private string[] Arguments(Kubectl kubectl, params string[] arguments) => ["--kubeconfig", cluster.Kubeconfig, "--namespace", kubectl.Namespace, .. arguments];
}
