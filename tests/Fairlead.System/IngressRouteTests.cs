using Xunit;

namespace Fairlead.System;

public sealed class RouteStand : IngressStand
{
    protected override async Task PrepareAsync()
    {
        await ApplyAsync(
            $$"""
            apiVersion: v1
            kind: Service
            metadata: { name: ported }
            spec: { ports: [ { name: first, port: 81 }, { name: second, port: 82 } ] }
            ---
            apiVersion: discovery.k8s.io/v1
            kind: EndpointSlice
            metadata: { name: ported-1, labels: { kubernetes.io/service-name: ported } }
            addressType: IPv4
            ports: [ { name: first, port: 8080, protocol: TCP } ]
            endpoints: [ {{Ready(Pods[0])}} ]
            ---
            apiVersion: discovery.k8s.io/v1
            kind: EndpointSlice
            metadata: { name: ported-2, labels: { kubernetes.io/service-name: ported } }
            addressType: IPv4
            ports: [ { name: second, port: 8080, protocol: TCP } ]
            endpoints: [ {{Ready(Pods[1])}} ]
            ---
            apiVersion: networking.k8s.io/v1
            kind: Ingress
            metadata: { name: paths, annotations: { kubernetes.io/ingress.class: fairlead } }
            spec:
              rules:
              - host: paths.example.com
                http:
                  paths:
                  - { path: /shop, pathType: Prefix, backend: { service: { name: one, port: { number: 80 } } } }
                  - { path: /shop, pathType: Exact, backend: { service: { name: two, port: { number: 80 } } } }
                  - { path: /shop/cart/, pathType: Prefix, backend: { service: { name: three, port: { number: 80 } } } }
                  - { path: /text, pathType: ImplementationSpecific, backend: { service: { name: one, port: { number: 80 } } } }
                  - { path: /by-name, pathType: Prefix, backend: { service: { name: ported, port: { name: second } } } }
                  - { path: /by-number, pathType: Prefix, backend: { service: { name: ported, port: { number: 81 } } } }
                  - { path: /no-port, pathType: Prefix, backend: { service: { name: ported, port: { number: 83 } } } }
                  - { path: /no-service, pathType: Prefix, backend: { service: { name: nowhere, port: { number: 80 } } } }
                  - { path: /no-endpoint, pathType: Prefix, backend: { service: { name: empty, port: { number: 80 } } } }
              - { host: "*.wild.example.com", http: { paths: [ { path: /, pathType: Prefix, backend: { service: { name: one, port: { number: 80 } } } } ] } }
              - { host: exact.wild.example.com, http: { paths: [ { path: /a, pathType: Prefix, backend: { service: { name: two, port: { number: 80 } } } } ] } }
              - { http: { paths: [ { path: /any-host, pathType: Prefix, backend: { service: { name: three, port: { number: 80 } } } } ] } }
            """,
            ServiceOf("empty", ""));
        await IsServedAsync("any.wild.example.com");
    }
}

/// <summary>Which Ingresses are served, which of their rules answers a request, and with which certificate.</summary>
public sealed class IngressRouteTests(RouteStand stand) : IClassFixture<RouteStand>
{
    /// <summary>https://kubernetes.io/docs/concepts/services-networking/ingress/#path-types, #hostname-wildcards, #multiple-matches.</summary>
    [Theory]
    [InlineData("paths.example.com/shop", "two")]
    [InlineData("paths.example.com/shop/", "one")]
    [InlineData("paths.example.com/shop/x", "one")]
    [InlineData("paths.example.com/shopping", "404")]
    [InlineData("paths.example.com/SHOP", "404")]
    [InlineData("paths.example.com/shop/cart", "three")]
    [InlineData("paths.example.com/shop/cart/x", "three")]
    [InlineData("paths.example.com/shop/carts", "one")]
    [InlineData("paths.example.com/text", "one")]
    [InlineData("paths.example.com/texts/x", "one")]
    [InlineData("paths.example.com/by-name", "two")]
    [InlineData("paths.example.com/by-number", "one")]
    [InlineData("paths.example.com/no-port", "503")]
    [InlineData("paths.example.com/no-service", "503")]
    [InlineData("paths.example.com/no-endpoint", "503")]
    [InlineData("paths.example.com/", "404")]
    [InlineData("paths.example.com/any-host", "404")]
    [InlineData("any.wild.example.com/", "one")]
    [InlineData("ANY.wild.example.com/", "one")]
    [InlineData("exact.wild.example.com/a", "two")]
    [InlineData("exact.wild.example.com/b", "404")]
    [InlineData("deep.any.wild.example.com/", "404")]
    [InlineData("wild.example.com/", "404")]
    [InlineData("other.example.com/any-host", "three")]
    [InlineData("other.example.com/", "404")]
    public async Task Request_GoesByHostAndPath(string url, string expected)
    {
        var answer = await stand.CurlAsync($"http://{url}", "-w", "%{http_code}");

        Assert.Equal(expected, expected.Length == 3 && expected[0] is '4' or '5' ? answer.Output[..3] : ((string[])["one", "two", "three"])[stand.Pods.ToList().FindIndex(pod => answer.Output.StartsWith(pod.Address + "\n", StringComparison.Ordinal))]);
    }

    [Fact]
    public async Task DefaultBackend_AnswersWhatNoRuleMatches_OfItsHost_AndOfAll()
    {
        const string rule = "rules: [ { host: rest.example.com, http: { paths: [ { path: /a, pathType: Prefix, backend: { service: { name: one, port: { number: 80 } } } } ] } } ]";
        string Manifest(string name, string service, string more) =>
            $"{{ apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {{ name: {name}, annotations: {{ kubernetes.io/ingress.class: fairlead }} }}, spec: {{ defaultBackend: {{ service: {{ name: {service}, port: {{ number: 80 }} }} }}{more} }} }}";
        await stand.ApplyAsync(Manifest("rest", "two", $", {rule}"));
        await stand.IsServedAsync("rest.example.com");
        Assert.Equal(stand.Pods[0].Address, await stand.PodOfAsync("http://rest.example.com/a"));
        Assert.Equal(stand.Pods[1].Address, await stand.PodOfAsync("http://rest.example.com/b"));
        Assert.Equal("404", await stand.StatusAsync("http://nobody.example.com/"));

        await stand.ApplyAsync(Manifest("all", "three", ""));

        await stand.IsServedAsync("nobody.example.com");
        Assert.Equal(stand.Pods[2].Address, await stand.PodOfAsync("http://nobody.example.com/x"));
        Assert.Equal(stand.Pods[1].Address, await stand.PodOfAsync("http://rest.example.com/b"));
        await stand.Kubectl.RunAsync("delete", "ingress", "all");
        await Until.AsyncHolds(() => stand.StatusAsync("http://nobody.example.com/"), status => status == "404", "it is gone");
    }

    [Fact]
    public async Task Class_SaysWhoseAnIngressIs()
    {
        string Manifest(string name, string more, string annotations) =>
            $$"""
            apiVersion: networking.k8s.io/v1
            kind: Ingress
            metadata: { name: {{name}}, annotations: { {{annotations}} } }
            spec: { {{more}} rules: [ { host: {{name}}.class.example.com, http: { paths: [ { path: /, pathType: Prefix, backend: { service: { name: one, port: { number: 80 } } } } ] } } ] }
            """;
        string ClassOf(string name, string controller, string annotations = "") =>
            $"{{ apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {{ name: {name}, annotations: {{ {annotations} }} }}, spec: {{ controller: {controller} }} }}";
        async Task<string> ServedAsync() => string.Join(' ', await Task.WhenAll(((string[])["ours", "theirs", "unknown", "old", "old-name", "old-other", "none", "last"])
            .Select(async name => await stand.StatusAsync($"http://{name}.class.example.com/") == "200" ? name : "-")));
        await stand.ApplyAsync(
            ClassOf("edge", "fairlead.dev/ingress"), ClassOf("nginx", "k8s.io/ingress-nginx"),
            Manifest("ours", "ingressClassName: edge,", ""), Manifest("theirs", "ingressClassName: nginx,", ""), Manifest("unknown", "ingressClassName: no-such,", ""),
            Manifest("old", "", "kubernetes.io/ingress.class: fairlead"), Manifest("old-name", "", "kubernetes.io/ingress.class: edge"), Manifest("old-other", "", "kubernetes.io/ingress.class: nginx"),
            Manifest("none", "", ""), Manifest("last", "ingressClassName: edge,", ""));
        await stand.IsServedAsync("last.class.example.com");

        Assert.Equal("ours - - old old-name - - last", await ServedAsync());

        // The API server writes the default class into Ingresses without one as they are created (admission plugin DefaultIngressClass).
        await stand.Kubectl.RunAsync("delete", "ingress", "none");
        await stand.ApplyAsync(ClassOf("edge", "fairlead.dev/ingress", "ingressclass.kubernetes.io/is-default-class: \"true\""), Manifest("none", "", ""));
        await stand.IsServedAsync("none.class.example.com");
        Assert.Equal("edge", await stand.Kubectl.RunAsync("get", "ingress", "none", "-o", "jsonpath={.spec.ingressClassName}"));
        Assert.Equal("ours - - old old-name - none last", await ServedAsync());
        await stand.Kubectl.RunAsync("delete", "ingressclass", "edge");
        await Until.AsyncHolds(ServedAsync, served => served == "- - - old - - - -", "only the class that needs no object is left");
    }

    /// <summary>Though its name comes first, and though it is there before the ingress begins anew.</summary>
    [Fact]
    public async Task TwoIngresses_OfOneHostAndPath_TheOlderWins()
    {
        const string url = "http://claimed.example.com/";
        await stand.ApplyAsync(IngressStand.IngressOf("z-older", "claimed.example.com", service: "one"));
        await stand.IsServedAsync("claimed.example.com");
        // Ages are told in seconds.
        var created = await stand.Kubectl.RunAsync("get", "ingress", "z-older", "-o", "jsonpath={.metadata.creationTimestamp}");
        await Until.AsyncHolds(() => Task.FromResult(TimeProvider.System.GetUtcNow()), now => now > DateTimeOffset.Parse(created, global::System.Globalization.CultureInfo.InvariantCulture).AddSeconds(1), "a second later");
        await stand.ApplyAsync(IngressStand.IngressOf("a-younger", "claimed.example.com", service: "two"));

        var told = await stand.EventsAsync("a-younger");

        Assert.Equal(["PathConflict path \"/\" of host \"claimed.example.com\" is claimed by the older Ingress default/z-older, which serves it"], told);
        Assert.Equal(stand.Pods[0].Address, await stand.PodOfAsync(url));
        await stand.StopAsync();
        await stand.StartAsync();
        Assert.Equal(stand.Pods[0].Address, await stand.PodOfAsync(url));
        await stand.Kubectl.RunAsync("delete", "ingress", "z-older");
        await Until.AsyncHolds(() => stand.PodOfAsync(url), pod => pod == stand.Pods[1].Address, "the younger follows");
    }

    [Fact]
    public async Task SecretsOfAnotherNamespace_AreOutOfReach()
    {
        const string host = "tenant.example.com";
        await IngressCalls.MakeCertificateAsync(stand.Folder, "theirs", host);
        await using var other = new Kubectl(stand.Kubectl.Kubeconfig, "other");
        await stand.Kubectl.RunAsync("create", "namespace", "other");
        await IngressCalls.PutSecretAsync(other, "theirs", stand.Folder);
        await other.RunAsync("create", "secret", "generic", "users", "--from-literal=auth=jane:{PLAIN}x");
        await other.RunAsync("create", "secret", "generic", "clients", $"--from-file=ca.crt={stand.Folder}/tls.crt");
        await stand.ApplyAsync(
            IngressStand.IngressOf("tenant", host, tls: $"{{ hosts: [ {host} ], secretName: theirs }}"),
            IngressStand.IngressOf("tenant-users", "users.tenant.example.com", "auth-type: basic\nauth-secret: other/users"),
            IngressStand.IngressOf("tenant-clients", "clients.tenant.example.com", "auth-tls-secret: other/clients"));

        Assert.Equal(["InvalidCertificate Secret default/theirs: it does not exist, or has no key \"tls.crt\"; a self-signed certificate serves in its place"], await stand.EventsAsync("tenant"));
        Assert.Equal(["AuthSecret Secret other/users of auth-secret is of another namespace, and out of reach; until it is put right, requests are answered with 503"], await stand.EventsAsync("tenant-users"));
        Assert.Equal(["AuthTlsSecret Secret other/clients of auth-tls-secret is of another namespace, and out of reach; until it is put right, requests are answered with 503"], await stand.EventsAsync("tenant-clients"));
        Assert.Contains("Self-Signed", await IngressCalls.SubjectAsync(stand.Address, host), StringComparison.Ordinal);
        Assert.Equal("503", await stand.StatusAsync("http://users.tenant.example.com/", "-u", "jane:x"));
        Assert.Equal("503", await stand.StatusAsync("https://clients.tenant.example.com/"));
        Assert.NotEqual(0, (await stand.Kubectl.TryApplyAsync(IngressStand.IngressOf("tenant-path", host, tls: $"{{ hosts: [ {host} ], secretName: other/theirs }}"))).Code);
    }
}
