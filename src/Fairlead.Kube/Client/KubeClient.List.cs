using System.Text;
using System.Text.Json;
using Fairlead.Kube.Json;
using k8s;
using k8s.Models;

namespace Fairlead.Kube.Client;

public sealed partial class KubeClient
{
    /// <summary>Lists all pages. The resource version is that of the whole list.</summary>
    public async Task<ObjectList<T>> ListAsync<T>(ApiResource<T> resource, string? ns, ListOptions options, CancellationToken cancel)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var items = new List<T>();
        var version = await ListEachAsync(resource, ns, options, items.Add, cancel);
        return new ObjectList<T>(items, version);
    }

    /// <summary>
    /// Lists page by page and hands each object over as it is parsed, so that a caller who keeps few fields never holds
    /// the whole list. Answers the resource version to watch from.
    /// </summary>
    internal async Task<string> ListEachAsync<T>(ApiResource<T> resource, string? ns, ListOptions options, Action<T> each, CancellationToken cancel)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        string? next = null;
        while (true)
        {
            var path = resource.Path(ns) + Query(options, next);
            using var response = await SendCoreAsync(HttpMethod.Get, path, null, cancel);
            var bytes = await response.Content.ReadAsByteArrayAsync(cancel);
            var (version, token) = ReadPage(bytes, each);
            if (string.IsNullOrEmpty(token)) return version;
            next = token;
        }
    }

    private static (string Version, string? Continue) ReadPage<T>(ReadOnlySpan<byte> page, Action<T> each)
    {
        var reader = new Utf8JsonReader(page);
        V1ListMeta? meta = null;
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isItems = reader.ValueTextEquals("items"u8);
            var isMeta = reader.ValueTextEquals("metadata"u8);
            reader.Read();
            if (isMeta) meta = JsonSerializer.Deserialize(ref reader, KubeJson.TypeInfo<V1ListMeta>());
            else if (isItems && reader.TokenType == JsonTokenType.StartArray) ReadItems(ref reader, each);
            else reader.Skip();
        }
        return (meta?.ResourceVersion ?? "", meta?.ContinueProperty);
    }

    private static void ReadItems<T>(ref Utf8JsonReader reader, Action<T> each)
    {
        var type = KubeJson.TypeInfo<T>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            each(JsonSerializer.Deserialize(ref reader, type)!);
    }

    private static string Query(ListOptions options, string? next)
    {
        var query = new StringBuilder();
        Add("labelSelector", options.LabelSelector);
        Add("fieldSelector", options.FieldSelector);
        if (options.PageSize > 0) Add("limit", options.PageSize.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Add("continue", next);
        return query.ToString();

        void Add(string name, string? value)
        {
            if (value is null) return;
            query.Append(query.Length == 0 ? '?' : '&').Append(name).Append('=').Append(Uri.EscapeDataString(value));
        }
    }
}
