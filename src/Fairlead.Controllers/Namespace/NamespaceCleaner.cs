using Fairlead.Controllers.Cache;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using k8s.Models;

namespace Fairlead.Controllers.Namespace;

/// <summary>Deletes the objects of a namespace, kind by kind, and says what is left.</summary>
internal sealed class NamespaceCleaner(KubeClient client)
{
    /// <summary>Pods go before all else: while they run they may need the rest (KEP-5080, ordered namespace deletion).</summary>
    public async Task<IReadOnlyList<Remainder>> CleanAsync(string ns, IReadOnlyList<ApiKind> kinds, CancellationToken cancel)
    {
        var namespaced = kinds.Where(kind => kind.Namespaced).ToList();
        var pods = namespaced.Where(kind => kind is { Group: "", Plural: "pods" });
        var first = await Task.WhenAll(pods.Select(kind => CleanAsync(ns, kind, cancel)));
        if (first.Any(remainder => remainder.Count > 0 || remainder.Error is not null)) return first;
        // Events last: the deletion of the others may write some.
        var rest = await Task.WhenAll(namespaced.Where(kind => kind.Plural is not ("pods" or "events")).Select(kind => CleanAsync(ns, kind, cancel)));
        var events = await Task.WhenAll(namespaced.Where(kind => kind.Plural == "events").Take(1).Select(kind => CleanAsync(ns, kind, cancel)));
        return [.. first, .. rest, .. events];
    }

    private async Task<Remainder> CleanAsync(string ns, ApiKind kind, CancellationToken cancel)
    {
        try
        {
            if ((await ListAsync(ns, kind, cancel)).Count == 0) return new Remainder(kind, 0, [], null);
            await DeleteAllAsync(ns, kind, cancel);
            var left = await ListAsync(ns, kind, cancel);
            return new Remainder(kind, left.Count, [.. left.Select(obj => ObjectMeta.From(obj.Metadata).Finalizers).Where(names => names.Count > 0)], null);
        }
        catch (KubeApiException e) when (e.IsNotFound)
        {
            // The kind is gone (its definition was deleted), and its objects with it.
            return new Remainder(kind, 0, [], null);
        }
        catch (KubeApiException e)
        {
            return new Remainder(kind, 0, [], $"{kind.Plural}.{kind.Group}: {e.Message}");
        }
    }

    private async Task<IReadOnlyList<V1Binding>> ListAsync(string ns, ApiKind kind, CancellationToken cancel) =>
        (await client.ListAsync(kind.Metadata, ns, ListOptions.All, cancel)).Items;

    private async Task DeleteAllAsync(string ns, ApiKind kind, CancellationToken cancel)
    {
        using var response = await client.Http.DeleteAsync(new Uri(kind.Metadata.Path(ns) + "?propagationPolicy=Background", UriKind.Relative), cancel);
        if (response.IsSuccessStatusCode) return;
        // Not every kind can be deleted as a collection.
        var background = new V1DeleteOptions { PropagationPolicy = "Background" };
        foreach (var obj in await ListAsync(ns, kind, cancel))
            await client.DeleteAsync(kind.Metadata, ObjectKey.Of(obj), background, cancel);
    }
}
