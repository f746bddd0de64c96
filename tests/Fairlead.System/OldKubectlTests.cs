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
    public async Task Logs_ByKubectlOfDebian_AreThePods()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.ApplyAsync("""
            {"apiVersion":"v1","kind":"Pod","metadata":{"name":"talker","labels":{"app":"talker"}},
             "spec":{"containers":[{"name":"c","image":"fairlead/host","command":["sh","-c","echo hello; exec sleep 1000"]}]}}
            """);
        await kubectl.WaitForReadyAsync("talker", 1);

        Assert.Equal("hello", await RunAsync(kubectl, "logs", "talker"));
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
