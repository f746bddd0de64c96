using Xunit;

namespace Fairlead.System;

/// <summary>Probes of every kind, and how long a container gets that fails one.</summary>
public sealed class ProbeTests(Cluster cluster)
{
    private static Task<string> OfAsync(Kubectl kubectl, string pod, string path) => kubectl.RunAsync("get", "pod", pod, "-o", $"jsonpath={path}");

    /// <summary>A certificate that nobody vouches for does; plain HTTP at the same port does not.</summary>
    [Fact]
    public async Task Readiness_ByHttps_TakesAnyCertificate()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        string Pod(string name, string scheme) => $$"""
            apiVersion: v1
            kind: Pod
            metadata: { name: {{name}} }
            spec:
              terminationGracePeriodSeconds: 0
              containers:
              - name: main
                image: fairlead/host
                command: [sh, -c, "cd /tmp && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=nobody -keyout key -out cert && exec openssl s_server -accept 8443 -key key -cert cert -www -quiet"]
                readinessProbe: { httpGet: { scheme: {{scheme}}, port: 8443, path: / }, periodSeconds: 1, timeoutSeconds: 5, failureThreshold: 1 }
            """;
        await kubectl.ApplyAsync(Pod("secure", "HTTPS"));
        await kubectl.ApplyAsync(Pod("plain", "HTTP"));

        await kubectl.RunAsync("wait", "--for=condition=Ready", "pod/secure", "--timeout=60s");
        await Until.AsyncHolds(() => kubectl.RunAsync("describe", "pod", "plain"), text => text.Contains("Readiness probe failed: Get \"http://", StringComparison.Ordinal), "the probe by HTTP fails");
        Assert.Equal("False", await OfAsync(kubectl, "plain", "{.status.conditions[?(@.type==\"Ready\")].status}"));
    }

    /// <summary>The server of the first run answers its health, then it is gone while the container lives on.</summary>
    [Fact]
    public async Task Liveness_ByGrpc_FailsAndTheContainerIsStartedAnew()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.ApplyAsync("""
            apiVersion: v1
            kind: Pod
            metadata: { name: frail }
            spec:
              terminationGracePeriodSeconds: 0
              containers:
              - name: main
                image: fairlead/host
                command: [sh, -c, "fairlead echo --port 0 --grpc-port 9090 & server=$!; while ! test -e /tmp/break; do sleep 0.1; done; kill $server; exec sleep 1000"]
                startupProbe: { grpc: { port: 9090 }, periodSeconds: 1, timeoutSeconds: 5, failureThreshold: 60 }
                livenessProbe: { grpc: { port: 9090 }, periodSeconds: 1, timeoutSeconds: 5, failureThreshold: 2 }
            """);
        await kubectl.RunAsync("wait", "--for=condition=Ready", "pod/frail", "--timeout=60s");
        Assert.Equal("true 0", await OfAsync(kubectl, "frail", "{.status.containerStatuses[0].started} {.status.containerStatuses[0].restartCount}"));

        await kubectl.RunAsync("exec", "frail", "--", "touch", "/tmp/break");

        await Until.AsyncHolds(() => OfAsync(kubectl, "frail", "{.status.containerStatuses[0].restartCount}"), count => count == "1", "one restart");
        await kubectl.RunAsync("wait", "--for=condition=Ready", "pod/frail", "--timeout=60s");
        var described = await Until.AsyncHolds(() => kubectl.RunAsync("describe", "pod", "frail"), text => text.Contains("failed liveness probe, will be restarted", StringComparison.Ordinal), "the event");
        Assert.Matches(@"Liveness probe failed: .*9090", described);
    }

    /// <summary>The pod's own grace would outlast the test by far.</summary>
    [Fact]
    public async Task Liveness_WithAGraceOfItsOwn_EndsWhatDoesNotHear()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        await kubectl.ApplyAsync("""
            apiVersion: v1
            kind: Pod
            metadata: { name: deaf }
            spec:
              terminationGracePeriodSeconds: 3600
              containers:
              - name: main
                image: fairlead/host
                command: [sh, -c, "trap '' TERM; touch /tmp/set; while :; do sleep 0.1; done"]
                startupProbe: { exec: { command: [ls, /tmp/set] }, periodSeconds: 1, failureThreshold: 60 }
                livenessProbe: { exec: { command: [sh, -c, '! test -e /tmp/dead'] }, periodSeconds: 1, failureThreshold: 1, terminationGracePeriodSeconds: 1 }
            """);
        await kubectl.RunAsync("wait", "--for=condition=Ready", "pod/deaf", "--timeout=60s");

        await kubectl.RunAsync("exec", "deaf", "--", "touch", "/tmp/dead");

        await Until.AsyncHolds(() => OfAsync(kubectl, "deaf", "{.status.containerStatuses[0].restartCount}"), count => count == "1", "one restart");
        Assert.Equal("137", await OfAsync(kubectl, "deaf", "{.status.containerStatuses[0].lastState.terminated.exitCode}"));
        await kubectl.RunAsync("delete", "pod", "deaf", "--now", "--wait=false");
    }

    /// <summary>A profile from the node's folder forbids one call, and one that is not there keeps its container from running.</summary>
    [Fact]
    public async Task Seccomp_ByAFileOfTheNode_RefusesWhatItSays()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        var file = $"{cluster.Data}/nodes/node1/seccomp/{kubectl.Namespace}/no-folders.json";
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        await File.WriteAllTextAsync(file, """{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO" }] }""", TestContext.Current.CancellationToken);
        string Pod(string name, string profile) =>
            $"{{ apiVersion: v1, kind: Pod, metadata: {{ name: {name} }}, spec: {{ restartPolicy: Never, containers: [{{ name: main, image: fairlead/host, command: [mkdir, /tmp/made], securityContext: {{ seccompProfile: {{ {profile} }} }} }}] }} }}";
        await kubectl.ApplyAsync(Pod("forbidden", $"type: Localhost, localhostProfile: {kubectl.Namespace}/no-folders.json"));
        await kubectl.ApplyAsync(Pod("free", "type: RuntimeDefault"));
        await kubectl.ApplyAsync(Pod("nowhere", $"type: Localhost, localhostProfile: {kubectl.Namespace}/absent.json"));

        await kubectl.RunAsync("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/free", "--timeout=60s");
        await kubectl.RunAsync("wait", "--for=jsonpath={.status.phase}=Failed", "pod/forbidden", "--timeout=60s");
        Assert.Contains("Operation not permitted", await kubectl.RunAsync("logs", "forbidden"), StringComparison.Ordinal);
        var waiting = await Until.AsyncHolds(() => OfAsync(kubectl, "nowhere", "{.status.containerStatuses[0].state.waiting['reason','message']}"), text => text.Contains("absent.json", StringComparison.Ordinal), "it says why");
        Assert.StartsWith("CreateContainerConfigError ", waiting, StringComparison.Ordinal);
        Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
    }
}
