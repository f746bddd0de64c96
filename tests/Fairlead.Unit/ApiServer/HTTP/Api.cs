using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Fairlead.Kube.Client;
using Xunit;

namespace Fairlead.Unit.ApiServer.HTTP;

/// <summary>Requests as they go over the wire, for tests of what a typed client hides.</summary>
internal sealed class Api(KubeClient client)
{
    public const string ConfigMaps = "/api/v1/namespaces/default/configmaps";
    public const string Pods = "/api/v1/namespaces/default/pods";

    /// <summary>A pod that is bound to a node, so that deleting it takes its grace period.</summary>
    public const string BoundPod =
        """{"metadata":{"name":"p"},"spec":{"nodeName":"n1","terminationGracePeriodSeconds":20,"containers":[{"name":"c","image":"i"}]}}""";

    public async Task<(int Code, JsonNode Body)> SendAsync(string method, string path, string? body = null, string contentType = "application/json", string? asUser = null)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (asUser is not null) request.Headers.Add("Impersonate-User", asUser);
        if (body is not null) request.Content = new StringContent(body, Encoding.UTF8, new MediaTypeHeaderValue(contentType));
        using var response = await client.Http.SendAsync(request, TestContext.Current.CancellationToken);
        return ((int)response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!);
    }

    /// <summary>A request that must succeed.</summary>
    public async Task<JsonNode> DoAsync(string method, string path, string? body = null, string contentType = "application/json")
    {
        var (code, answer) = await SendAsync(method, path, body, contentType);
        Assert.True(code is 200 or 201, $"{method} {path}: {code} {answer.ToJsonString()}");
        return answer;
    }

    public Task<JsonNode> ConfigMapAsync(string name, string more = "") => DoAsync("POST", ConfigMaps, $$$"""{"metadata":{"name":"{{{name}}}"{{{more}}} } }""");

    public async Task<string[]> NamesAsync(string path) => NamesOf(await DoAsync("GET", path));

    public static string[] NamesOf(JsonNode list) => [.. list["items"]!.AsArray().Select(item => (string)item!["metadata"]!["name"]!)];

    /// <summary>The events of a watch until it ends or as many as wanted have come.</summary>
    public async Task<List<JsonNode>> WatchAsync(string path, int most = int.MaxValue)
    {
        using var response = await client.Http.GetAsync(path, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        Assert.Equal(200, (int)response.StatusCode);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        var events = new List<JsonNode>();
        while (events.Count < most && await reader.ReadLineAsync(TestContext.Current.CancellationToken) is { } line) events.Add(JsonNode.Parse(line)!);
        return events;
    }
}
