using System.Text.Json;
using Fairlead.Kube.Client;
using Fairlead.Kube.Json;
using k8s.Models;

namespace Fairlead.Controllers.Discovery;

/// <summary>The kinds that the API server has: those that can be listed, watched and deleted, in their preferred version.</summary>
internal sealed class KindCatalog(KubeClient client, ControllerOptions options)
{
    private IReadOnlyList<ApiKind>? _known;

    /// <summary>The kinds as last read; reads them the first time.</summary>
    /// <exception cref="HttpRequestException">Discovery did not answer.</exception>
    public async Task<IReadOnlyList<ApiKind>> ListAsync(CancellationToken cancel) => _known ??= await RefreshAsync(cancel);

    /// <summary>Reads discovery anew, for kinds that were added meanwhile.</summary>
    public async Task<IReadOnlyList<ApiKind>> RefreshAsync(CancellationToken cancel)
    {
        if (options.Kinds is { } given) return _known = given;
        var groups = await GetAsync<V1APIGroupList>("apis", cancel);
        var paths = groups.Groups.Select(group => (group.Name, Version: (group.PreferredVersion ?? group.Versions[0]).Version));
        var kinds = new List<ApiKind>(Read("", "v1", await GetAsync<V1APIResourceList>("api/v1", cancel)));
        foreach (var (group, version) in paths)
            kinds.AddRange(Read(group, version, await GetAsync<V1APIResourceList>($"apis/{group}/{version}", cancel)));
        return _known = [.. kinds.DistinctBy(kind => (kind.Group, kind.Plural))];
    }

    private async Task<T> GetAsync<T>(string path, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Accept.ParseAdd("application/json");
        using var response = await client.Http.SendAsync(request, cancel);
        response.EnsureSuccessStatusCode();
        await using var stream = await response.Content.ReadAsStreamAsync(cancel);
        return await JsonSerializer.DeserializeAsync(stream, KubeJson.TypeInfo<T>(), cancel) ?? throw new JsonException($"{path} answered null.");
    }

    internal static IEnumerable<ApiKind> Read(string group, string version, V1APIResourceList list) =>
        (list.Resources ?? []).Where(IsStored).Select(resource => new ApiKind(group, version, resource.Kind, resource.Name, resource.Namespaced));

    private static bool IsStored(V1APIResource resource) =>
        !resource.Name.Contains('/', StringComparison.Ordinal)
        && resource.Verbs is { } verbs && verbs.Contains("list") && verbs.Contains("watch") && verbs.Contains("delete");
}
