using System.Diagnostics;
using System.Text.Json.Nodes;
using Fairlead.Unit.Node.Images;
using Xunit;

namespace Fairlead.System;

/// <summary>A containerd that somebody else runs, with its own images, given by its CRI endpoint: the main job, and what is left there afterwards.</summary>
public sealed class RuntimeEndpointTests : IAsyncLifetime
{
    private const string Sandbox = "docker.io/test/sandbox:1";
    private readonly OwnCluster _cluster = new("endpoint");
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("fairlead-endpoint-");
    private Process? _containerd;

    private Kubectl Kubectl => _cluster.Kubectl;

    private string Socket => $"{_folder.FullName}/containerd.sock";

    public async ValueTask InitializeAsync()
    {
        // Its network plugin is this program, which asks the agent; its sandboxes stand on an image of its own.
        foreach (var folder in (string[])["bin", "net"]) _folder.CreateSubdirectory(folder);
        foreach (var plugin in (string[])["fairlead", "loopback"]) File.CreateSymbolicLink($"{_folder}/bin/{plugin}", Command.Fairlead);
        var network = new JsonObject { ["type"] = "fairlead", ["socket"] = $"/run/fairlead/{_cluster.Name}/node1/cni.sock" };
        await File.WriteAllTextAsync($"{_folder}/net/10-test.conflist", new JsonObject { ["cniVersion"] = "0.4.0", ["name"] = "test", ["plugins"] = new JsonArray(network) }.ToJsonString());
        await File.WriteAllTextAsync($"{_folder}/config.toml", $"""
            version = 2
            root = "{_folder}/root"
            state = "{_folder}/state"
            [grpc]
            address = "{Socket}"
            [plugins."io.containerd.internal.v1.opt"]
            path = "{_folder}/opt"
            [plugins."io.containerd.grpc.v1.cri"]
            sandbox_image = "{Sandbox}"
            netns_mounts_under_state_dir = true
            stream_server_address = "127.0.0.1"
            stream_server_port = "0"
            disable_apparmor = true
            restrict_oom_score_adj = true
            [plugins."io.containerd.grpc.v1.cri".cni]
            bin_dir = "{_folder}/bin"
            conf_dir = "{_folder}/net"
            [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
            runtime_type = "io.containerd.runc.v2"
            [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
            Root = "{_folder}/runc"
            """);
        _containerd = Command.Start("sh", ["-c", $"exec containerd --config {_folder}/config.toml >{_folder}/log 2>&1"]);
        await Until.AsyncHolds(() => CtrAsync("version"), result => result.Code == 0, "containerd serves");
        await ImportAsync(TestImage.Busybox(Sandbox, new JsonObject { ["Entrypoint"] = new JsonArray("/bin/sleep", "1000000"), ["Env"] = new JsonArray("PATH=/bin") }));
        await _cluster.UpAsync("--container-runtime-endpoint", $"unix://{Socket}");
    }

    public async ValueTask DisposeAsync()
    {
        await _cluster.DisposeAsync();
        _containerd?.Kill();
        if (_containerd is not null) await _containerd.WaitForExitAsync();
        _containerd?.Dispose();
        _folder.Delete(recursive: true);
    }

    private Task<CommandResult> CtrAsync(params string[] arguments) => Command.TryAsync("ctr", ["--address", Socket, "--namespace", "k8s.io", .. arguments]);

    private async Task ImportAsync(TestImage image)
    {
        var file = $"{_folder}/image.tar";
        await File.WriteAllBytesAsync(file, TestImage.DockerArchive(image));
        var result = await CtrAsync("images", "import", file);
        Assert.True(result.Code == 0, result.Error);
    }

    [Fact]
    public async Task MainJob_OnAContainerdOfSomebodyElse_IsDoneAndNothingStays()
    {
        Assert.Matches(@"^containerd://1\.", await Kubectl.RunAsync("get", "nodes", "-o", "jsonpath={.items[0].status.nodeInfo.containerRuntimeVersion}"));
        await Kubectl.RunAsync("apply", "-f", "examples/kubia/");
        var pods = await Kubectl.WaitForReadyAsync("kubia", 3);
        await Kubectl.WaitForEndpointsAsync("kubia", 3);
        var address = await Kubectl.ClusterIpAsync("kubia");
        var hit = new HashSet<string>();
        for (var i = 0; i < 60 && hit.Count < 3; i++) hit.Add((await Kubectl.CurlAsync(pods[0], $"http://{address}")).Output.Trim());
        Assert.Equal(pods.Select(pod => $"You've hit {pod}"), hit.Order());
        Assert.Contains("You've hit", (await Kubectl.CurlAsync(pods[0], "http://kubia.default.svc.cluster.local")).Output, StringComparison.Ordinal);
        Assert.StartsWith($"{pods[0]} serves http on port 8080\n", await Kubectl.RunAsync("logs", pods[0]), StringComparison.Ordinal);
        Assert.Equal(7, (await Kubectl.TryAsync(["exec", pods[0], "--", "sh", "-c", "exit 7"])).Code);

        await Kubectl.RunAsync("delete", "pod", pods[0]);
        Assert.DoesNotContain(pods[0], await Kubectl.WaitForEndpointsAsync("kubia", 3));
        await RunsItsOwnImagesAsync();
        // Of each of the three pods its sandbox and its container.
        Assert.InRange((await CtrAsync("tasks", "ls", "-q")).Lines.Count, 6, 8);

        await _cluster.DownAsync();

        foreach (var what in (string[])["tasks", "containers"]) Assert.Empty((await CtrAsync(what, "ls", "-q")).Lines);
        Assert.False(Directory.Exists($"/run/fairlead/{_cluster.Name}"));
    }

    /// <summary>An image that only the runtime has: it is found there.</summary>
    private async Task RunsItsOwnImagesAsync()
    {
        var image = $"docker.io/test/own-{Environment.ProcessId}:1";
        await ImportAsync(TestImage.Busybox(image));
        await Kubectl.RunAsync("run", "own", $"--image={image}", "--restart=Never", "--", "sh", "-c", "echo it is $COLOUR");
        await Kubectl.RunAsync("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/own", "--timeout=60s");
        Assert.Equal("it is blue", await Kubectl.RunAsync("logs", "own"));
    }
}
