using Xunit;

namespace Fairlead.System;

/// <summary>Wrong manifests and wrong commands: what the user reads.</summary>
public sealed class BadInputTests(Cluster cluster)
{
    public static TheoryData<string, string> Manifests => new()
    {
        { "spec: { ports: [ { port: 70000 } ] }", "spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive" },
        { "spec: { ports: [ { port: 80 }, { port: 81 } ] }", "spec.ports[0].name: Required value" },
        { "spec: { ports: [ { port: 80, foo: 1 } ] }", "strict decoding error: unknown field \"spec.ports[0].foo\"" },
        { "spec: { ports: [ { port: eighty } ] }", "json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port of type int32" },
        { "spec: { type: Wrong, ports: [ { port: 80 } ] }", "spec.type: Unsupported value: \"Wrong\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\"" },
        { "spec: { clusterIP: 1.2.3.4, ports: [ { port: 80 } ] }", "The range of valid IPs is 10.96.0.0/16" },
        { "spec: { sessionAffinity: Cookie, ports: [ { port: 80 } ] }", "spec.sessionAffinity: Unsupported value: \"Cookie\": supported values: \"ClientIP\", \"None\"" },
        { "spec: {}", "spec.ports: Required value" },
    };

    [Theory]
    [MemberData(nameof(Manifests))]
    public async Task Service_Invalid_IsRefusedInKubernetesWords(string rest, string message)
    {
        await using var kubectl = await cluster.NamespaceAsync();

        var refused = await kubectl.TryApplyAsync($"{{ apiVersion: v1, kind: Service, metadata: {{ name: wrong }}, {rest} }}");

        Assert.Equal(1, refused.Code);
        Assert.Contains(message, refused.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ReplicationController_SelectorNotInTemplate_IsRefused()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        const string Manifest = """
            { apiVersion: v1, kind: ReplicationController, metadata: { name: wrong },
              spec: { selector: { app: a }, template: { metadata: { labels: { app: b } }, spec: { containers: [ { name: c, image: fairlead/host } ] } } } }
            """;

        var refused = await kubectl.TryApplyAsync(Manifest);

        Assert.Contains("`selector` does not match template `labels`", refused.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Up_NameThatRuns_SaysSoInOneLine()
    {
        var refused = await Command.TryAsync(Command.Fairlead, ["up", "--name", cluster.Name, "--kubeconfig", cluster.Kubeconfig]);

        Assert.Equal(1, refused.Code);
        Assert.Single(refused.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("runs already", refused.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Up_NotRoot_SaysSoAndMakesNothing()
    {
        var refused = await Command.TryAsync("setpriv", ["--reuid", "65534", "--regid", "65534", "--clear-groups", Command.Fairlead, "up", "--name", "nobody"]);

        Assert.Equal(1, refused.Code);
        Assert.Equal("fairlead: a cluster needs namespaces, mounts and kernel tables; run as root, for example with sudo\n", refused.Error);
        Assert.False(Directory.Exists("/var/lib/fairlead/nobody"));
    }

    [Fact]
    public async Task Up_MissingTool_NamesThePackage()
    {
        var refused = await Command.TryAsync(
            Command.Fairlead, ["up", "--name", "toolless"], environment: new Dictionary<string, string> { ["PATH"] = "/nonexistent" });

        Assert.Equal("fairlead: runc and conmon not found; install with: apt-get install runc conmon\n", refused.Error);
        Assert.False(Directory.Exists("/var/lib/fairlead/toolless"));
    }

    [Fact]
    public async Task Server_PortInUse_SaysSoInOneLine()
    {
        using var taken = new global::System.Net.Sockets.TcpListener(global::System.Net.IPAddress.Loopback, 0);
        taken.Start();
        var port = ((global::System.Net.IPEndPoint)taken.LocalEndpoint).Port.ToString();
        var folder = Directory.CreateTempSubdirectory("fairlead-system-").FullName;
        try
        {
            var refused = await Command.TryAsync(Command.Fairlead,
                ["server", "--data-dir", folder, "--bind-address", "127.0.0.1", "--advertise-address", "192.0.2.1", "--secure-port", port]);

            Assert.Equal(1, refused.Code);
            Assert.Contains($"127.0.0.1:{port}", refused.Error, StringComparison.Ordinal);
            Assert.Contains("choose another port", refused.Error, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
