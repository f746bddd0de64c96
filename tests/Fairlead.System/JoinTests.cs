using Xunit;

namespace Fairlead.System;

/// <summary>Machines that join a server by the command that it prints, while the server cannot reach them.</summary>
public sealed class JoinTests
{
    private const string Pods = """
        apiVersion: v1
        kind: Pod
        metadata: { name: on-NODE, labels: { app: echo } }
        spec:
          nodeName: NODE
          terminationGracePeriodSeconds: 0
          containers:
          - { name: echo, image: fairlead/host, command: [fairlead, echo], ports: [{ containerPort: 8080 }] }
        ---
        """;

    [Fact]
    public async Task Machines_JoinByThePrintedCommand_AndServeBehindAFirewall()
    {
        await using var machines = new Machines();
        var printed = await machines.StartServerAsync();
        var command = Machines.JoinCommand(printed);
        Assert.Equal(machines.Server, Value(command, "--server"));
        // Whatever the server wants of a node's kubelet API does not arrive.
        var firewall = await machines.TryOnAsync("server", "nft", "add table ip fw; add chain ip fw out { type filter hook output priority 0; }; add rule ip fw out tcp dport 10250 drop");
        Assert.Equal(0, firewall.Code);
        await machines.AddMachineAsync("a", 2);
        await machines.AddMachineAsync("b", 3);
        await RefusalsAsync(machines, command);

        machines.StartAgent("a", command[2..]);
        // Tokens made later join as well.
        var another = await machines.TryOnAsync("server", Command.Fairlead, "token", "create", "--ttl", "10m", "--description", "second", "--kubeconfig", machines.Kubeconfig);
        Assert.Equal(0, another.Code);
        machines.StartAgent("b", another.Output.Trim().Split(' ')[2..]);
        await Until.AsyncHolds(() => machines.KubectlAsync("get", "nodes", "--no-headers"), nodes => nodes.Split('\n').Count(node => node.Contains(" Ready ", StringComparison.Ordinal)) == 2, "two nodes Ready");
        await CertificatesAsync(machines);
        await PodsAsync(machines);
        await RestartAsync(machines, another.Output.Trim().Split(' '));
    }

    private static async Task RefusalsAsync(Machines machines, string[] command)
    {
        var (server, token, pin) = (Value(command, "--server"), Value(command, "--token"), Value(command, "--ca-cert-hash"));
        var wrongPin = await machines.RefusedAsync("a", "--server", server, "--token", token, "--ca-cert-hash", "sha256:" + new string('0', 64));
        Assert.Contains("which is not that of --ca-cert-hash", wrongPin, StringComparison.Ordinal);
        var unknown = await machines.RefusedAsync("a", "--server", server, "--token", "aaaaaa.0123456789abcdef", "--ca-cert-hash", pin);
        Assert.Contains("does not know the token aaaaaa, or it has expired; make another with `fairlead token create`", unknown, StringComparison.Ordinal);
        // The cleaner may have taken it away already, which is as good.
        await machines.KubectlAsync("create", "secret", "generic", "bootstrap-token-bbbbbb", "-n", "kube-system", "--type=bootstrap.kubernetes.io/token", "--from-literal=token-id=bbbbbb",
            "--from-literal=token-secret=0123456789abcdef", "--from-literal=usage-bootstrap-authentication=true", "--from-literal=expiration=2020-01-01T00:00:00Z");
        var expired = await machines.RefusedAsync("a", "--server", server, "--token", "bbbbbb.0123456789abcdef", "--ca-cert-hash", pin);
        Assert.Contains("or it has expired", expired, StringComparison.Ordinal);
        await Until.AsyncHolds(() => machines.KubectlAsync("get", "secrets", "-n", "kube-system", "-o", "name"), names => !names.Contains("bbbbbb", StringComparison.Ordinal), "the expired token is gone");
        Assert.Contains("--ca-cert-hash is needed", await machines.RefusedAsync("a", "--server", server, "--token", token), StringComparison.Ordinal);
    }

    private static async Task CertificatesAsync(Machines machines)
    {
        var requests = await Until.AsyncHolds(() => machines.KubectlAsync("get", "csr", "--no-headers"), text => text.Split('\n').Count(line => line.EndsWith("Approved,Issued", StringComparison.Ordinal)) == 4, "four certificates issued");
        Assert.Equal(2, requests.Split('\n').Count(line => line.Contains("kubernetes.io/kubelet-serving", StringComparison.Ordinal) && line.Contains("system:node:", StringComparison.Ordinal)));
        foreach (var file in Directory.GetFiles($"/var/lib/fairlead/{machines.Cluster}/join/a"))
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        var taken = await machines.TryOnAsync("server", Command.Fairlead, "token", "list", "--kubeconfig", machines.Kubeconfig);
        Assert.Contains("second", taken.Output, StringComparison.Ordinal);
    }

    private static async Task PodsAsync(Machines machines)
    {
        foreach (var node in (string[])["a", "b"]) await machines.ApplyAsync(Pods.Replace("NODE", node, StringComparison.Ordinal));
        await machines.KubectlAsync("wait", "--for=condition=Ready", "pod/on-a", "pod/on-b", "--timeout=60s");
        await machines.KubectlAsync("expose", "pod", "on-a", "--name=echo", "--port=80", "--target-port=8080", "--selector=app=echo");
        await Until.AsyncHolds(() => machines.KubectlAsync("logs", "on-b"), log => log.Contains(" serves ", StringComparison.Ordinal), "the pod serves");
        var other = await machines.KubectlAsync("get", "pod", "on-b", "-o", "jsonpath={.status.podIP}");
        // exec goes through the tunnel, what it runs from pod to pod.
        Assert.Contains("on-b", await machines.KubectlAsync("exec", "on-a", "--", "curl", "-s", "--max-time", "10", $"http://{other}:8080/"), StringComparison.Ordinal);
        var hit = new HashSet<string>();
        await Until.AsyncHolds(
            async () =>
            {
                var answer = await machines.TryOnAsync("server", "kubectl", "--kubeconfig", machines.Kubeconfig, "exec", "on-a", "--", "curl", "-s", "--max-time", "5", "http://echo.default.svc.cluster.local/");
                foreach (var pod in (string[])["on-a", "on-b"]) if (answer.Output.Contains(pod, StringComparison.Ordinal)) hit.Add(pod);
                return hit.Count;
            },
            count => count == 2, "the service has answered from both nodes");
        Assert.Equal("0123", (await machines.TryOnAsync("server", "sh", "-c", $"printf 0123 | kubectl --kubeconfig {machines.Kubeconfig} exec -i on-b -- cat")).Output);
        Assert.Equal(7, (await machines.TryOnAsync("server", "kubectl", "--kubeconfig", machines.Kubeconfig, "exec", "on-b", "--", "sh", "-c", "exit 7")).Code);
        Assert.NotEmpty(await machines.KubectlAsync("logs", "on-b"));
        Assert.Contains("on-b", await machines.KubectlAsync("get", "--raw", "/api/v1/namespaces/default/pods/on-b:8080/proxy/"), StringComparison.Ordinal);
    }

    /// <summary>An agent that starts again needs neither token nor server's address, and its pods have gone on.</summary>
    private static async Task RestartAsync(Machines machines, string[] join)
    {
        var id = Value(join, "--token").Split('.')[0];
        Assert.Equal(0, (await machines.TryOnAsync("server", Command.Fairlead, "token", "delete", id, "--kubeconfig", machines.Kubeconfig)).Code);
        var before = await machines.KubectlAsync("get", "pod", "on-b", "-o", "jsonpath={.status.containerStatuses[0].containerID}");
        await machines.StopAsync("b");
        machines.StartAgent("b");
        await Until.AsyncHolds(() => machines.TryOnAsync("server", "kubectl", "--kubeconfig", machines.Kubeconfig, "exec", "on-b", "--", "echo", "again"), result => result.Output.Trim() == "again", "exec after the agent's restart");
        Assert.Equal(before, await machines.KubectlAsync("get", "pod", "on-b", "-o", "jsonpath={.status.containerStatuses[0].containerID}"));
        Assert.Equal("4", (await machines.KubectlAsync("get", "csr", "--no-headers")).Split('\n').Length.ToString(global::System.Globalization.CultureInfo.InvariantCulture));
    }

    private static string Value(string[] words, string option) => words[Array.IndexOf(words, option) + 1];
}
