using Fairlead.Unit.Node.Images;
using Xunit;

namespace Fairlead.System;

/// <summary>The same cluster on Debian's containerd, by CRI: the main job, streams, crashes, and what is left of it.</summary>
public sealed class ContainerdTests : IAsyncLifetime
{
    private readonly OwnCluster _cluster = new("cri");

    private Kubectl Kubectl => _cluster.Kubectl;

    public async ValueTask InitializeAsync() => await _cluster.UpAsync("--runtime", "containerd");

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    private async Task<string[]> KubiaAsync(int count)
    {
        await Kubectl.RunAsync("apply", "-f", "examples/kubia/");
        var pods = await Kubectl.WaitForReadyAsync("kubia", count);
        await Kubectl.WaitForEndpointsAsync("kubia", count);
        return pods;
    }

    private Task<string> ContainersAsync() => Kubectl.RunAsync("get", "pods", "-l", "app=kubia", "--sort-by=.metadata.name", "-o",
        "jsonpath={range .items[*]}{.metadata.name} {.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}{\"\\n\"}{end}");

    [Fact]
    public async Task Service_InFrontOfThreePods_DoesTheMainJob()
    {
        var pods = await KubiaAsync(3);
        Assert.Matches(@"^containerd://1\.", await Kubectl.RunAsync("get", "nodes", "-o", "jsonpath={.items[0].status.nodeInfo.containerRuntimeVersion}"));
        var address = await Kubectl.ClusterIpAsync("kubia");

        var hit = new HashSet<string>();
        for (var i = 0; i < 60 && hit.Count < 3; i++) hit.Add((await Kubectl.CurlAsync(pods[0], $"http://{address}")).Output.Trim());
        Assert.Equal(pods.Select(pod => $"You've hit {pod}"), hit.Order());
        Assert.Equal($"You've hit {pods[1]}", (await Kubectl.CurlAsync(pods[0], $"http://{await PodIpAsync(pods[1])}:8080")).Output.Trim());
        Assert.Contains("You've hit", (await Kubectl.CurlAsync(pods[0], "http://kubia.default.svc.cluster.local")).Output, StringComparison.Ordinal);
        Assert.StartsWith($"{pods[0]} serves http on port 8080\n", await Kubectl.RunAsync("logs", pods[0]), StringComparison.Ordinal);

        await Kubectl.RunAsync("delete", "pod", pods[0]);
        Assert.DoesNotContain(pods[0], await Kubectl.EndpointPodsAsync("kubia"));
        Assert.DoesNotContain(pods[0], await Kubectl.WaitForEndpointsAsync("kubia", 3));
        await Kubectl.RunAsync("scale", "rc", "kubia", "--replicas=5");
        await Kubectl.WaitForEndpointsAsync("kubia", 5);
        await Kubectl.RunAsync("scale", "rc", "kubia", "--replicas=0");
        await Until.AsyncHolds(() => Kubectl.RunAsync("get", "pods", "-o", "name"), names => names.Length == 0, "the pods are gone");
    }

    private Task<string> PodIpAsync(string pod) => Kubectl.RunAsync("get", "pod", pod, "-o", "jsonpath={.status.podIP}");

    [Fact]
    public async Task Streams_ExecAttachForward_CarryAllOfIt()
    {
        var pod = (await KubiaAsync(3))[0];

        Assert.Equal(7, (await Kubectl.TryAsync(["exec", pod, "--", "sh", "-c", "exit 7"])).Code);
        var both = await Kubectl.TryAsync(["exec", pod, "--", "sh", "-c", "echo out; echo err >&2"]);
        Assert.Equal(("out\n", "err\n"), (both.Output, both.Error));
        Assert.Equal("3 words\n", (await Kubectl.TryAsync(["exec", "-i", pod, "--", "sh", "-c", "echo $(wc -c) words"], "abc")).Output);
        Assert.Equal(5_000_000, (await Kubectl.TryAsync(["exec", pod, "--", "sh", "-c", "head -c 5000000 /dev/zero | tr '\\0' x"])).Output.Length);
        Assert.Contains("exec: \"nosuch\": executable file not found", (await Kubectl.TryAsync(["exec", pod, "--", "nosuch"])).Error, StringComparison.Ordinal);
        Assert.Contains("it is 24 80", (await Command.TryAsync("script", ["-qc", $"kubectl --kubeconfig {_cluster.Kubeconfig} exec -it {pod} -- sh -c 'stty cols 80 rows 24; echo it is $(stty size)'", "/dev/null"])).Output, StringComparison.Ordinal);
        await Kubectl.RunAsync("run", "asks", "--image=fairlead/host", "--restart=Never", "-i", "--stdin", "--attach=false", "--", "sh", "-c", "read name; echo hello $name");
        await Kubectl.RunAsync("wait", "--for=condition=Ready", "pod/asks", "--timeout=60s");
        Assert.Contains("hello you", (await Kubectl.TryAsync(["attach", "-i", "asks"], "you\n")).Output, StringComparison.Ordinal);
        await Kubectl.RunAsync("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/asks", "--timeout=60s");
        using var forward = Command.Start("kubectl", ["--kubeconfig", _cluster.Kubeconfig, "port-forward", pod, ":8080"]);
        try
        {
            var port = (await forward.StandardOutput.ReadLineAsync())!.Split(' ')[2].Split(':')[1];
            Assert.Equal($"You've hit {pod}", (await Command.RunAsync("curl", "-s", $"http://127.0.0.1:{port}")).Output.Trim());
        }
        finally
        {
            forward.Kill();
        }
    }

    [Fact]
    public async Task Exec_WhoseClientIsKilled_LeavesNoProcess()
    {
        var pod = (await KubiaAsync(3))[0];
        var seconds = $"{100_000 + Environment.ProcessId}";
        bool IsIt(string line) => line == $"sleep\0{seconds}\0";
        using var client = Command.Start("kubectl", ["--kubeconfig", _cluster.Kubeconfig, "exec", pod, "--", "sleep", seconds]);
        await Until.AsyncHolds(() => Task.FromResult(Processes.All().Count(process => IsIt(process.CommandLine))), count => count == 1, "the process runs");

        client.Kill();

        await Until.AsyncHolds(() => Task.FromResult(Processes.All().Count(process => IsIt(process.CommandLine))), count => count == 0, "the process is gone");
    }

    [Fact]
    public async Task Pod_WithProbesLimitsAndAnImportedImage_RunsAsAnywhere()
    {
        var (folder, image) = (Directory.CreateTempSubdirectory("fairlead-cri-"), $"cri-{Environment.ProcessId}:1");
        await File.WriteAllBytesAsync($"{folder.FullName}/image.tar", TestImage.DockerArchive(TestImage.Busybox(image)));
        await Command.RunAsync(Command.Fairlead, "image", "import", $"{folder.FullName}/image.tar", "--name", _cluster.Name);
        folder.Delete(recursive: true);

        await Kubectl.ApplyAsync($$"""
            apiVersion: v1
            kind: Pod
            metadata: { name: whole, labels: { app: whole } }
            spec:
              terminationGracePeriodSeconds: 1
              shareProcessNamespace: true
              initContainers:
              - { name: first, image: {{image}}, command: [sh, -c, echo said > /dev/termination-log] }
              containers:
              - name: main
                image: {{image}}
                command: [sh, -c, while true; do sleep 0.2; done]
                env: [{ name: COLOUR, value: red }]
                readinessProbe: { exec: { command: [ls, /data/ready] }, periodSeconds: 1 }
                resources: { limits: { memory: 64Mi, cpu: 500m } }
                securityContext: { runAsUser: 1000, runAsGroup: 3000, allowPrivilegeEscalation: false, capabilities: { drop: [ALL] } }
                volumeMounts: [{ name: data, mountPath: /data }]
              - { name: crash, image: {{image}}, command: [sh, -c, exit 3] }
              - { name: wrong, image: {{image}}, command: [nosuch] }
              volumes: [{ name: data, emptyDir: {} }]
            """);

        Task<string> Of(string path) => Kubectl.RunAsync("get", "pod", "whole", "-o", $"jsonpath={path}");
        await Until.AsyncHolds(() => Of("{.status.containerStatuses[?(@.name==\"crash\")].lastState.terminated.exitCode}"), code => code == "3", "it crashed");
        Assert.Equal("StartError 128", await Until.AsyncHolds(
            () => Of("{.status.containerStatuses[?(@.name==\"wrong\")].lastState.terminated['reason','exitCode']}"), state => state.Length > 0, "it did not start"));
        Assert.Equal("said\n", await Of("{.status.initContainerStatuses[0].state.terminated.message}") + "\n");
        Assert.Equal("false", await Of("{.status.containerStatuses[?(@.name==\"main\")].ready}"));
        Assert.Equal("1000 3000 red", (await Kubectl.RunAsync("exec", "whole", "-c", "main", "--", "sh", "-c", "touch /data/ready; echo $(id -u) $(id -g) $COLOUR")).Trim());
        Assert.StartsWith("/pause", await Kubectl.RunAsync("exec", "whole", "-c", "main", "--", "cat", "/proc/1/cmdline"), StringComparison.Ordinal);
        await Until.AsyncHolds(() => Of("{.status.containerStatuses[?(@.name==\"main\")].ready}"), ready => ready == "true", "the probe's verdict");
        await Until.AsyncHolds(() => Kubectl.TryAsync(["top", "pod", "whole"]), top => top.Output.Contains("whole", StringComparison.Ordinal), "its usage");
        await Kubectl.RunAsync("delete", "pod", "whole", "--timeout=60s");
    }

    [Fact]
    public async Task Crash_OfAgentAndContainerd_PodsGoOnAndDownLeavesNothing()
    {
        await KubiaAsync(3);
        var containers = await ContainersAsync();
        var name = _cluster.Name;

        await Processes.KillAsync(line => line.Contains("\0agent\0", StringComparison.Ordinal) && line.Contains($"\0{name}\0", StringComparison.Ordinal));
        await Processes.KillAsync(line => line.StartsWith("/usr/bin/containerd\0--config", StringComparison.Ordinal) && line.Contains(name, StringComparison.Ordinal));
        await _cluster.UpAsync();
        var pods = await Kubectl.WaitForReadyAsync("kubia", 3);
        Assert.Equal(containers, await ContainersAsync());
        // Once more, under the agent's eyes.
        await Processes.KillAsync(line => line.StartsWith("/usr/bin/containerd\0--config", StringComparison.Ordinal) && line.Contains(name, StringComparison.Ordinal));
        await Until.AsyncHolds(() => Kubectl.TryAsync(["exec", pods[0], "--", "true"]), result => result.Code == 0, "containerd is back");
        await Kubectl.RunAsync("delete", "pod", pods[0]);
        await Kubectl.WaitForEndpointsAsync("kubia", 3);
        Assert.Equal(2, containers.Split('\n').Intersect((await ContainersAsync()).Split('\n')).Count());

        await _cluster.DownAsync();

        Assert.False(Directory.Exists($"/var/lib/fairlead/{name}"));
        Assert.False(Directory.Exists($"/run/fairlead/{name}"));
        Assert.DoesNotContain(name, await File.ReadAllTextAsync("/proc/self/mountinfo"), StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateDirectories("/sys/fs/cgroup", name, new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 3 }));
        Assert.DoesNotContain(Processes.All(), process => process.CommandLine.Contains(name, StringComparison.Ordinal));
    }
}
