using Fairlead.ApiServer.Security;
using Fairlead.Kube.Client;
using Fairlead.Unit.ApiServer.HTTP;
using Xunit;

namespace Fairlead.Unit.ApiServer.Security;

/// <summary>Kubernetes documentation: "Using Node Authorization".</summary>
public sealed class NodeAuthorizationTests : IAsyncLifetime
{
    private const string Namespace = "/api/v1/namespaces/default";
    private const string Leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";

    private TestApiServer _server = null!;
    private KubeClient _client = null!;
    private Api _node = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await TestApiServer.StartAsync();
        _client = TestApiServer.ClientFor(_server.Authority, _server.Address, User.NodeNamePrefix + "n1", User.Nodes);
        _node = new Api(_client);
        var admin = new Api(_server.Client);
        foreach (var (pod, node) in ((string, string)[])[("mine", "n1"), ("other", "n2")])
        {
            await admin.DoAsync("POST", Namespace + "/pods", $$$"""
                {"metadata":{"name":"{{{pod}}}"},"spec":{"nodeName":"{{{node}}}","imagePullSecrets":[{"name":"{{{pod}}}-pull"}],
                 "volumes":[{"name":"v","secret":{"secretName":"{{{pod}}}-volume"} },{"name":"w","projected":{"sources":[{"configMap":{"name":"{{{pod}}}-projected"} }]} }],
                 "containers":[{"name":"c","image":"i","envFrom":[{"configMapRef":{"name":"{{{pod}}}-env"} }],
                  "env":[{"name":"X","valueFrom":{"secretKeyRef":{"name":"{{{pod}}}-key","key":"k"} } }]}]} }
                """);
            foreach (var secret in (string[])["pull", "volume", "key", "unnamed"])
                await admin.DoAsync("POST", Namespace + "/secrets", $$"""{"metadata":{"name":"{{pod}}-{{secret}}"} }""");
            foreach (var map in (string[])["projected", "env", "unnamed"])
                await admin.DoAsync("POST", Namespace + "/configmaps", $$"""{"metadata":{"name":"{{pod}}-{{map}}"} }""");
        }
        await admin.DoAsync("POST", "/api/v1/nodes", """{"metadata":{"name":"n2"}}""");
        await admin.DoAsync("POST", Leases, """{"metadata":{"name":"n2"}}""");
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
    }

    [Theory]
    [InlineData("GET", Namespace + "/secrets/mine-pull")]
    [InlineData("GET", Namespace + "/secrets/mine-volume")]
    [InlineData("GET", Namespace + "/secrets/mine-key")]
    [InlineData("GET", Namespace + "/configmaps/mine-env")]
    [InlineData("GET", Namespace + "/configmaps/mine-projected")]
    [InlineData("GET", Namespace + "/pods/mine")]
    [InlineData("GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1")]
    [InlineData("GET", "/api/v1/services")]
    [InlineData("GET", "/apis/discovery.k8s.io/v1/endpointslices")]
    [InlineData("GET", "/api/v1/nodes")]
    [InlineData("PATCH", Namespace + "/pods/mine/status", """{"status":{"phase":"Running"}}""")]
    [InlineData("POST", "/api/v1/nodes", """{"metadata":{"name":"n1"}}""")]
    [InlineData("POST", Leases, """{"metadata":{"name":"n1"}}""")]
    [InlineData("POST", Namespace + "/events", """{"metadata":{"name":"e"},"involvedObject":{"namespace":"default"}}""")]
    [InlineData("POST", Namespace + "/pods", """{"metadata":{"name":"m","ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"n1","uid":"u","controller":true}],"annotations":{"kubernetes.io/config.mirror":"x"}},"spec":{"nodeName":"n1","containers":[{"name":"c","image":"i"}]}}""")]
    [InlineData("DELETE", Namespace + "/pods/mine")]
    public async Task Node_ItsOwnAndWhatItsPodsName_Allowed(string method, string path, string? body = null) =>
        Assert.InRange((await SendAsync(method, path, body)).Code, 200, 201);

    [Theory]
    [InlineData("GET", Namespace + "/secrets/other-volume")]
    [InlineData("GET", Namespace + "/secrets/mine-unnamed")]
    [InlineData("GET", Namespace + "/configmaps/other-env")]
    [InlineData("GET", Namespace + "/configmaps/mine-volume")]
    [InlineData("GET", Namespace + "/secrets")]
    [InlineData("GET", "/api/v1/secrets?watch=true")]
    [InlineData("GET", "/api/v1/configmaps")]
    [InlineData("GET", "/api/v1/pods")]
    [InlineData("GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn2")]
    [InlineData("GET", Namespace + "/pods/other")]
    [InlineData("PATCH", Namespace + "/pods/other/status", """{"status":{"phase":"Failed"}}""")]
    [InlineData("PATCH", Namespace + "/pods/mine", """{"metadata":{"labels":{"a":"b"}}}""")]
    [InlineData("DELETE", Namespace + "/pods/other")]
    [InlineData("DELETE", Namespace + "/pods")]
    [InlineData("POST", Namespace + "/pods", """{"metadata":{"name":"m"},"spec":{"nodeName":"n1","containers":[{"name":"c","image":"i"}]}}""")]
    [InlineData("POST", Namespace + "/pods", """{"metadata":{"name":"m","annotations":{"kubernetes.io/config.mirror":"x"}},"spec":{"nodeName":"n2","containers":[{"name":"c","image":"i"}]}}""")]
    [InlineData("POST", Namespace + "/pods", """{"metadata":{"name":"m","annotations":{"kubernetes.io/config.mirror":"x"}},"spec":{"nodeName":"n1","containers":[{"name":"c","image":"i"}]}}""")]
    [InlineData("POST", Namespace + "/pods", """{"metadata":{"name":"m","ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"n2","uid":"u","controller":true}],"annotations":{"kubernetes.io/config.mirror":"x"}},"spec":{"nodeName":"n1","containers":[{"name":"c","image":"i"}]}}""")]
    [InlineData("POST", Namespace + "/pods", """{"metadata":{"name":"m","ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"n1","uid":"u","controller":true}],"annotations":{"kubernetes.io/config.mirror":"x"}},"spec":{"nodeName":"n1","serviceAccountName":"default","containers":[{"name":"c","image":"i"}]}}""")]
    [InlineData("POST", Namespace + "/pods", """{"metadata":{"name":"m","ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"n1","uid":"u","controller":true}],"annotations":{"kubernetes.io/config.mirror":"x"}},"spec":{"nodeName":"n1","volumes":[{"name":"v","secret":{"secretName":"other-volume"}}],"containers":[{"name":"c","image":"i"}]}}""")]
    [InlineData("POST", Namespace + "/pods", """{"metadata":{"name":"m","ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"n1","uid":"u","controller":true}],"annotations":{"kubernetes.io/config.mirror":"x"}},"spec":{"nodeName":"n1","imagePullSecrets":[{"name":"other-volume"}],"containers":[{"name":"c","image":"i"}]}}""")]
    [InlineData("POST", Namespace + "/pods", """{"metadata":{"name":"m","ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"n1","uid":"u","controller":true}],"annotations":{"kubernetes.io/config.mirror":"x"}},"spec":{"nodeName":"n1","containers":[{"name":"c","image":"i","envFrom":[{"configMapRef":{"name":"other-env"}}]}]}}""")]
    [InlineData("POST", Namespace + "/pods/mine/binding", """{"target":{"name":"n2"}}""")]
    [InlineData("POST", "/api/v1/nodes", """{"metadata":{"name":"n3"}}""")]
    [InlineData("PATCH", "/api/v1/nodes/n2", """{"spec":{"unschedulable":true}}""")]
    [InlineData("PATCH", "/api/v1/nodes/n2/status", """{"status":{}}""")]
    [InlineData("DELETE", "/api/v1/nodes/n1")]
    [InlineData("POST", Leases, """{"metadata":{"name":"n3"}}""")]
    [InlineData("PATCH", Leases + "/n2", """{"spec":{}}""")]
    [InlineData("POST", Namespace + "/services", """{"metadata":{"name":"s"}}""")]
    [InlineData("DELETE", Namespace + "/services/kubernetes")]
    public async Task Node_WhatIsAnothers_Forbidden(string method, string path, string? body = null) =>
        Assert.Equal(403, (await SendAsync(method, path, body)).Code);

    private Task<(int Code, global::System.Text.Json.Nodes.JsonNode Body)> SendAsync(string method, string path, string? body) =>
        _node.SendAsync(method, path, body, method == "PATCH" ? "application/merge-patch+json" : "application/json");
}
