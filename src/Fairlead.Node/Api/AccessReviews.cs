using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Fairlead.Kube.Client;

namespace Fairlead.Node.Api;

/// <summary>Who somebody is, as the API server knows him.</summary>
internal sealed record Caller(string Name, IReadOnlyList<string> Groups);

/// <summary>Asks the API server who somebody is and what he may do here (Kubernetes documentation: "Kubelet authentication/authorization").</summary>
internal interface IAccessReviews
{
    /// <summary>Whose token it is; null: nobody's.</summary>
    Task<Caller?> WhoAsync(string token, CancellationToken cancel);

    /// <summary>Whether he may do that to a subresource of the node.</summary>
    Task<bool> MayAsync(Caller caller, string verb, string node, string subresource, CancellationToken cancel);
}

/// <summary>By TokenReview and SubjectAccessReview. Nothing is kept: what is taken away is taken away at once.</summary>
internal sealed class AccessReviews(KubeClient client) : IAccessReviews
{
    public async Task<Caller?> WhoAsync(string token, CancellationToken cancel)
    {
        var review = await AskAsync("authentication.k8s.io", "TokenReview", new JsonObject { ["token"] = token }, cancel);
        if (review["authenticated"]?.GetValue<bool>() != true || review["user"] is not JsonObject user || user["username"]?.GetValue<string>() is not { Length: > 0 } name) return null;
        return new Caller(name, [.. (user["groups"] as JsonArray ?? []).Select(group => group!.GetValue<string>())]);
    }

    public async Task<bool> MayAsync(Caller caller, string verb, string node, string subresource, CancellationToken cancel)
    {
        var attributes = new JsonObject { ["verb"] = verb, ["version"] = "v1", ["resource"] = "nodes", ["subresource"] = subresource, ["name"] = node };
        var groups = new JsonArray([.. caller.Groups.Select(group => JsonValue.Create(group))]);
        var spec = new JsonObject { ["user"] = caller.Name, ["groups"] = groups, ["resourceAttributes"] = attributes };
        var review = await AskAsync("authorization.k8s.io", "SubjectAccessReview", spec, cancel);
        return review["allowed"]?.GetValue<bool>() == true;
    }

    /// <summary>The status of the answer.</summary>
    private async Task<JsonObject> AskAsync(string group, string kind, JsonObject spec, CancellationToken cancel)
    {
        var body = new JsonObject { ["apiVersion"] = $"{group}/v1", ["kind"] = kind, ["spec"] = spec };
        using var content = new StringContent(body.ToJsonString(), new MediaTypeHeaderValue("application/json"));
        using var response = await client.Http.PostAsync($"apis/{group}/v1/{kind.ToLowerInvariant()}s", content, cancel);
        if (!response.IsSuccessStatusCode) throw new KubeApiException(response.StatusCode, $"{kind}: {(int)response.StatusCode}");
        return JsonNode.Parse(await response.Content.ReadAsStringAsync(cancel))?["status"] as JsonObject ?? [];
    }
}
