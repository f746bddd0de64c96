using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Xunit;

namespace Fairlead.Unit.ApiServer.HTTP;

/// <summary>metrics.k8s.io over a scripted kubelet, on which the pod web uses half a core.</summary>
public sealed class ResourceMetricsTests : IAsyncLifetime
{
    private const string Metrics = "/apis/metrics.k8s.io/v1beta1";
    private TestApiServer _server = null!;
    private WebApplication _kubelet = null!;
    private Api _api = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await TestApiServer.StartAsync();
        _api = new Api(_server.Client);
        var address = Loopback.Next();
        _kubelet = await StartKubeletAsync(new IPEndPoint(address, 10250));
        await NodeAsync("n1", address.ToString());
        await PodAsync("web", "app=web", "n1");
        await PodAsync("other", "app=other", "n1");
        await PodAsync("waiting", "app=web", "");
    }

    public async ValueTask DisposeAsync()
    {
        await _kubelet.DisposeAsync();
        await _server.DisposeAsync();
    }

    private async Task<WebApplication> StartKubeletAsync(IPEndPoint listen)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(listen, options =>
        {
            options.Protocols = HttpProtocols.Http1;
            options.UseHttps(new HttpsConnectionAdapterOptions { ServerCertificate = _server.Authority.Issue("n1", [], []).ToX509() });
        }));
        var kubelet = builder.Build();
        kubelet.Run(context => context.Request.Path == "/metrics/resource" ? context.Response.WriteAsync(Text()) : Task.CompletedTask);
        await kubelet.StartAsync(TestContext.Current.CancellationToken);
        return kubelet;
    }

    private static string Text()
    {
        var now = TimeProvider.System.GetUtcNow();
        var seconds = (now - DateTimeOffset.UnixEpoch).TotalSeconds;
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"node_cpu_usage_seconds_total {seconds} {now.ToUnixTimeMilliseconds()}\nnode_memory_working_set_bytes 1048576 {now.ToUnixTimeMilliseconds()}\n");
        foreach (var pod in (string[])["web", "other"])
        {
            var labels = $"container=\"main\",namespace=\"default\",pod=\"{pod}\"";
            text.Append(CultureInfo.InvariantCulture, $"container_cpu_usage_seconds_total{{{labels}}} {seconds / 2} {now.ToUnixTimeMilliseconds()}\n");
            text.Append(CultureInfo.InvariantCulture, $"container_memory_working_set_bytes{{{labels}}} 12288 {now.ToUnixTimeMilliseconds()}\n");
        }
        return text.ToString();
    }

    private async Task NodeAsync(string name, string address)
    {
        await _api.DoAsync("POST", "/api/v1/nodes", $$$"""{"kind":"Node","apiVersion":"v1","metadata":{"name":"{{{name}}}","labels":{"disk":"ssd"} } }""");
        await _api.DoAsync("PATCH", $"/api/v1/nodes/{name}/status", $$$"""{"status":{"addresses":[{"type":"InternalIP","address":"{{{address}}}"}] } }""", "application/merge-patch+json");
    }

    private async Task PodAsync(string name, string label, string node) => await _api.DoAsync("POST", "/api/v1/namespaces/default/pods",
        $$$"""{"kind":"Pod","apiVersion":"v1","metadata":{"name":"{{{name}}}","labels":{"{{{label.Split('=')[0]}}}":"{{{label.Split('=')[1]}}}"}},"spec":{"nodeName":"{{{node}}}","containers":[{"name":"main","image":"x"}]}}""");

    private static decimal Cores(JsonNode? usage) => Fairlead.ApiServer.Resources.Schema.Quantity.Value(usage.Text("cpu")!);

    [Fact]
    public async Task Nodes_AreWhatTheyUsedOverATruthfulWindow()
    {
        var (_, list) = await _api.SendAsync("GET", $"{Metrics}/nodes");

        Assert.Equal(("NodeMetricsList", "metrics.k8s.io/v1beta1"), (list.Text("kind"), list.Text("apiVersion")));
        var node = Assert.Single(list.Items("items")).Item;
        Assert.Equal(("n1", "ssd", "1Mi"), (node.Text("metadata", "name"), node.Text("metadata", "labels", "disk"), node.Text("usage", "memory")));
        Assert.InRange(Cores(node["usage"]), 0.99m, 1.01m);
        Assert.InRange(double.Parse(node.Text("window")![..^1], CultureInfo.InvariantCulture), 0.9, 10);
    }

    [Fact]
    public async Task Pods_AreSelectedByTheLabelsOfThePods()
    {
        var (_, list) = await _api.SendAsync("GET", $"{Metrics}/namespaces/default/pods?labelSelector=app%3Dweb");
        var (_, all) = await _api.SendAsync("GET", $"{Metrics}/pods");
        var (_, none) = await _api.SendAsync("GET", $"{Metrics}/namespaces/kube-system/pods");
        var (code, one) = await _api.SendAsync("GET", $"{Metrics}/namespaces/default/pods/other");

        var pod = Assert.Single(list.Items("items")).Item;
        Assert.Equal(("web", "default", "web"), (pod.Text("metadata", "name"), pod.Text("metadata", "namespace"), pod.Text("metadata", "labels", "app")));
        var container = Assert.Single(pod.Items("containers")).Item;
        Assert.Equal(("main", "12Ki"), (container.Text("name"), container.Text("usage", "memory")));
        Assert.InRange(Cores(container["usage"]), 0.49m, 0.51m);
        Assert.Equal(["other", "web"], all.Items("items").Select(item => item.Item.Text("metadata", "name")));
        Assert.Empty(none.Items("items"));
        Assert.Equal((200, "PodMetrics"), (code, one.Text("kind")));
    }

    [Theory]
    [InlineData("GET", "/namespaces/default/pods/waiting", 404)]
    [InlineData("GET", "/namespaces/default/pods/none", 404)]
    [InlineData("GET", "/nodes/none", 404)]
    [InlineData("GET", "/nodes?watch=true", 405)]
    [InlineData("DELETE", "/nodes/n1", 405)]
    // What pods and nodes have below them, their metrics do not.
    [InlineData("POST", "/namespaces/default/pods/web/exec?command=id", 404)]
    [InlineData("GET", "/namespaces/default/pods/web/log", 404)]
    [InlineData("GET", "/nodes/n1/proxy/metrics", 404)]
    public async Task Anything_Else_IsRefused(string method, string path, int code) =>
        Assert.Equal(code, (await _api.SendAsync(method, Metrics + path)).Code);

    [Fact]
    public async Task Table_HasAMetricsServersColumns()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{Metrics}/namespaces/default/pods");
        request.Headers.Accept.ParseAdd("application/json;as=Table;v=v1;g=meta.k8s.io");
        using var answer = await _server.Client.Http.SendAsync(request, TestContext.Current.CancellationToken);
        using var table = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));

        Assert.Equal(["Name", "cpu", "memory", "Window"], table.RootElement.GetProperty("columnDefinitions").EnumerateArray().Select(column => column.GetProperty("name").GetString()));
        var first = table.RootElement.GetProperty("rows")[0].GetProperty("cells");
        Assert.Equal(("other", "12Ki"), (first[0].GetString(), first[2].GetString()));
    }

    [Fact]
    public async Task Nodes_ThatDoNotAnswer_AreLeftOut()
    {
        await NodeAsync("n2", Loopback.Next().ToString());

        var (code, list) = await _api.SendAsync("GET", $"{Metrics}/nodes");

        Assert.Equal(200, code);
        Assert.Equal("n1", Assert.Single(list.Items("items")).Item.Text("metadata", "name"));
        Assert.Equal(404, (await _api.SendAsync("GET", $"{Metrics}/nodes/n2")).Code);
    }

    [Fact]
    public async Task Viewer_MayRead_NodeAndStrangerMayNot()
    {
        await _api.DoAsync("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
            """{"kind":"ClusterRoleBinding","apiVersion":"rbac.authorization.k8s.io/v1","metadata":{"name":"v"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"view"},"subjects":[{"kind":"User","apiGroup":"rbac.authorization.k8s.io","name":"viewer"}]}""");
        async Task<int> CodeAsync(string name, params string[] groups)
        {
            using var client = TestApiServer.ClientFor(_server.Authority, _server.Address, name, groups);
            return (await new Api(client).SendAsync("GET", $"{Metrics}/namespaces/default/pods")).Code;
        }

        Assert.Equal((200, 403, 403), (await CodeAsync("viewer"), await CodeAsync("stranger"), await CodeAsync("system:node:n1", "system:nodes")));
    }
}
