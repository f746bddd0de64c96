using System.Text.Json;
using Xunit;

namespace Fairlead.System;

/// <summary>A cluster of two nodes into which every fault of the mission's checklist is brought.</summary>
public sealed class SickCluster : IAsyncLifetime
{
    public OwnCluster Cluster { get; } = new("doctor");

    public async ValueTask InitializeAsync() => await Cluster.UpAsync("--nodes", "2");

    public ValueTask DisposeAsync() => Cluster.DisposeAsync();
}

/// <summary>The doctor finds each fault of the mission's checklist in a running cluster, and says what mends it.</summary>
public sealed class DoctorTests(SickCluster sick) : IClassFixture<SickCluster>
{
    private Kubectl Default => sick.Cluster.Kubectl;

    private const string Echo = Doctor.Echo;

    /// <summary>The fault, the service's spec, the pods' probe and command, the finding.</summary>
    public static TheoryData<string, string, string, string, string> Faults => new()
    {
        { "selector", "selector: { app: selectr }, ports: [ { port: 80, targetPort: 8080 } ]", "", Echo, "selector-matches-nothing" },
        { "probe", "selector: { app: probe }, ports: [ { port: 80, targetPort: 8080 } ]", ", readinessProbe: { periodSeconds: 1, failureThreshold: 1, exec: { command: [ ls, /var/ready ] } }", Echo, "readiness-probe-fails" },
        { "ownport", "selector: { app: ownport }, ports: [ { port: 80 } ]", "", Echo, "port-for-target-port" },
        { "deafport", "selector: { app: deafport }, ports: [ { port: 80, targetPort: 8081 } ]", "", "sleep, '1000'", "target-port-not-listening" },
        { "portname", "selector: { app: portname }, ports: [ { port: 80, targetPort: web } ]", "", Echo, "named-port-missing" },
        { "loopback", "selector: { app: loopback }, ports: [ { port: 80, targetPort: 8080 } ]", "", "busybox, httpd, -f, -p, '127.0.0.1:8080'", "bound-to-loopback" },
        { "inside", "internalTrafficPolicy: Local, selector: { app: inside }, ports: [ { port: 80, targetPort: 8080 } ]", "", Echo, "internal-local-without-endpoint" },
        { "outside", "type: NodePort, externalTrafficPolicy: Local, selector: { app: outside }, ports: [ { port: 80, targetPort: 8080 } ]", "", Echo, "external-local-without-endpoint" },
        { "balancer", "type: LoadBalancer, loadBalancerIP: 192.0.2.1, selector: { app: balancer }, ports: [ { port: 80, targetPort: 8080 } ]", "", Echo, "balancer-pending" },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task Service_WithAFault_TheDoctorFindsIt(string name, string spec, string probe, string command, string code)
    {
        await PodAsync(name, name, "node1", command, probe);
        await Default.ApplyAsync($"{{ apiVersion: v1, kind: Service, metadata: {{ name: {name} }}, spec: {{ {spec} }} }}");

        // A pod takes a moment to start, and its probe to fail.
        var finding = await Until.AsyncHolds(() => FindAsync($"svc/{name}", code), found => found is not null, code);

        Assert.NotEmpty(finding!.Mend);
        var text = await DoctorAsync($"svc/{name}");
        Assert.Equal(1, text.Code);
        Assert.Contains($"[{code}]", text.Output);
    }

    [Fact]
    public async Task Service_Selector_TheDoctorsCommandMendsIt()
    {
        await PodAsync("mended", "mended", "node1", Echo);
        await Default.ApplyAsync("{ apiVersion: v1, kind: Service, metadata: { name: mended }, spec: { selector: { app: mendet }, ports: [ { port: 80, targetPort: 8080 } ] } }");
        var finding = await Until.AsyncHolds(() => FindAsync("svc/mended", "selector-matches-nothing"), found => found is not null, "the finding");
        Assert.Contains("kubectl -n default set selector service/mended 'app=mended'", finding!.Mend);

        var mend = await Command.TryAsync("sh", ["-c", finding.Mend], environment: new Dictionary<string, string> { ["KUBECONFIG"] = sick.Cluster.Kubeconfig });

        Assert.True(mend.Code == 0, mend.Error);
        var healthy = await Until.AsyncHolds(() => DoctorAsync("svc/mended"), result => result.Code == 0, "health");
        Assert.Contains("all as they should be", healthy.Output);
        Assert.Contains("✓ healthy", healthy.Output);
    }

    [Fact]
    public async Task Ingress_ClassAndSecret_TheDoctorFindsThem()
    {
        await PodAsync("web", "web", "node1", Echo);
        await Default.ApplyAsync("{ apiVersion: v1, kind: Service, metadata: { name: web }, spec: { selector: { app: web }, ports: [ { port: 80, targetPort: 8080 } ] } }");
        const string Rule = "rules: [ { host: web.example.com, http: { paths: [ { path: /, pathType: Prefix, backend: { service: { name: web, port: { number: 80 } } } } ] } } ]";
        await Default.ApplyAsync($"{{ apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {{ name: classless }}, spec: {{ ingressClassName: nginx, {Rule} }} }}");
        await Default.ApplyAsync($"{{ apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {{ name: secretless }}, spec: {{ tls: [ {{ hosts: [ web.example.com ], secretName: none }} ], {Rule} }} }}");

        await Until.AsyncHolds(() => FindAsync("ingress/classless", "ingress-class-missing"), found => found is not null, "the class");
        var secret = await Until.AsyncHolds(() => FindAsync("ingress/secretless", "tls-secret-missing"), found => found is not null, "the secret");
        Assert.Contains("create secret tls none", secret!.Mend);

        await Until.AsyncHolds(() => TraceAsync("web", "https://web.example.com/"), result => result.Code == 0 && result.Output.Contains("route       web.example.com/ (Prefix) of ingress/secretless → svc/web:80", StringComparison.Ordinal)
            && result.Output.Contains("upstream    pod/web: the answer names it", StringComparison.Ordinal), "the route");
    }

    [Fact]
    public async Task Trace_OfARequest_TellsNameEndpointNodeAndSource()
    {
        await PodAsync("client", "client", "node1", "sleep, '1000'");
        await PodAsync("server", "server", "node2", Echo);
        await Default.ApplyAsync("{ apiVersion: v1, kind: Service, metadata: { name: server }, spec: { selector: { app: server }, ports: [ { port: 80, targetPort: 8080 } ] } }");
        await Default.WaitForEndpointsAsync("server", 1);

        var trace = await Until.AsyncHolds(() => TraceAsync("client", "http://server"), result => result.Code == 0, "an answer");

        var client = await Default.RunAsync("get", "pod", "client", "-o", "jsonpath={.status.podIP}");
        Assert.Matches(@"server\.default\.svc\.cluster\.local → 10\.96\.", trace.Output);
        Assert.Matches(@"node1 chose 10\.244\.\d+\.\d+:8080", trace.Output);
        Assert.Contains("endpoint    pod/server on node2", trace.Output);
        Assert.Contains($"the server saw {client}:", trace.Output);

        var wrong = await TraceAsync("client", "http://server:8080");
        Assert.Equal(1, wrong.Code);
        Assert.Contains("8080 is its target port, at which its pods listen; clients use its port 80", wrong.Output);
        var missing = await TraceAsync("nobody", "http://server");
        Assert.Equal((2, "fairlead: there is no pod nobody in namespace default\n"), (missing.Code, missing.Error));
    }

    /// <summary>Really kept: this machine is let in or not, and the health check port tells of each node.</summary>
    [Fact]
    public async Task LoadBalancer_SourceRangesAndHealthPort_AreTriedFromOutside()
    {
        await PodAsync("ranged", "ranged", "node1", Echo);
        await Default.ApplyAsync("{ apiVersion: v1, kind: Service, metadata: { name: ranged }, spec: { type: LoadBalancer, externalTrafficPolicy: Local, selector: { app: ranged }, ports: [ { port: 80, targetPort: 8080 } ] } }");
        await Default.WaitForEndpointsAsync("ranged", 1);
        await Until.AsyncHolds(() => DoctorAsync("svc/ranged"), result => result.Code == 0 && result.Output.Contains(":80, the balancer's address, answers", StringComparison.Ordinal), "the balancer's address answers");

        await Default.RunAsync("patch", "svc", "ranged", "-p", "{\"spec\":{\"loadBalancerSourceRanges\":[\"203.0.113.0/24\"]}}");

        var barred = await Until.AsyncHolds(() => DoctorAsync("svc/ranged"), result => result.Output.Contains("being in no source range", StringComparison.Ordinal) && result.Code == 0, "this machine is barred");
        Assert.Contains("which is not in them", barred.Output, StringComparison.Ordinal);
        Assert.Matches(@"health +http://\S+:\d+/healthz answers 200", barred.Output);
        Assert.Matches(@"health +http://\S+:\d+/healthz answers 503", barred.Output);
        Assert.Matches("kernel +node1: .* all as they should be", barred.Output);
    }

    [Fact]
    public async Task Doctor_ThatCannotLook_SaysSoInOneLine()
    {
        var nobody = await DoctorAsync("svc/nobody");
        Assert.Equal((2, "fairlead: there is no svc/nobody in namespace default\n"), (nobody.Code, nobody.Error));
        Assert.Equal(2, (await DoctorAsync("svc/x", "/nonexistent")).Code);
        foreach (var wrong in (string[])["deployment/x", "--wrong"]) Assert.Equal(2, (await DoctorAsync(wrong)).Code);
        Assert.Equal(2, (await Command.TryAsync(Command.Fairlead, ["trace", "onlyapod"])).Code);
    }

    [Fact]
    public async Task Status_AsJson_IsReadByScripts()
    {
        var status = await Command.RunAsync(Command.Fairlead, "status", "--name", sick.Cluster.Name, "--output", "json");

        using var json = JsonDocument.Parse(status.Output);
        var cluster = json.RootElement.GetProperty("clusters")[0];
        Assert.Equal(sick.Cluster.Name, cluster.GetProperty("name").GetString());
        Assert.Equal(["server", "node1", "node2"], cluster.GetProperty("processes").EnumerateArray().Select(process => process.GetProperty("name").GetString()!));
    }

    private Task<Found?> FindAsync(string patient, string code) => Doctor.FindAsync(patient, code, sick.Cluster.Kubeconfig);

    private Task<CommandResult> DoctorAsync(string patient, string? kubeconfig = null) => Doctor.AskAsync(patient, kubeconfig ?? sick.Cluster.Kubeconfig);

    private Task<CommandResult> TraceAsync(string pod, string url) => Command.TryAsync(Command.Fairlead, ["trace", pod, url, "--kubeconfig", sick.Cluster.Kubeconfig]);

    private Task PodAsync(string name, string app, string node, string command, string probe = "") => Default.ApplyAsync(Doctor.Pod(name, app, node, command, probe));
}
