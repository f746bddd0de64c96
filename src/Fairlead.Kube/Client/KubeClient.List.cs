using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
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
    /// the whole list. The next page is on its way meanwhile. Answers the resource version to watch from.
    /// </summary>
    internal async Task<string> ListEachAsync<T>(ApiResource<T> resource, string? ns, ListOptions options, Action<T> each, CancellationToken cancel)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var coming = PageAsync(null);
        while (true)
        {
            using var page = await coming;
            var meta = ReadMeta(page.Bytes);
            var isLast = string.IsNullOrEmpty(meta.ContinueProperty);
            if (!isLast) coming = PageAsync(meta.ContinueProperty);
            ReadItems(page.Bytes, each);
            if (isLast) return meta.ResourceVersion ?? "";
        }

        async Task<PooledBody> PageAsync(string? next)
        {
            using var response = await SendCoreAsync(HttpMethod.Get, resource.Path(ns) + Query(options, next), null, cancel);
            return await PooledBody.ReadAsync(response.Content, cancel);
        }
    }

    /// <summary>Kubernetes writes it before the items, so that this is done at once.</summary>
    private static V1ListMeta ReadMeta(ReadOnlySpan<byte> page)
    {
        var reader = new Utf8JsonReader(page);
        return Enter(ref reader, "metadata"u8) ? JsonSerializer.Deserialize(ref reader, KubeJson.TypeInfo<V1ListMeta>())! : new V1ListMeta();
    }

    private static void ReadItems<T>(ReadOnlySpan<byte> page, Action<T> each)
    {
        var reader = new Utf8JsonReader(page);
        if (!Enter(ref reader, "items"u8) || reader.TokenType != JsonTokenType.StartArray) return;
        // The serializer would go over each object twice, first to find where it ends.
        var converter = (JsonConverter<T>)KubeJson.TypeInfo<T>().Converter;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            each(converter.Read(ref reader, typeof(T), KubeJson.Options)!);
    }

    /// <summary>Goes to the value of one of the object's properties; false where it has no such.</summary>
    private static bool Enter(ref Utf8JsonReader reader, ReadOnlySpan<byte> property)
    {
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isFound = reader.ValueTextEquals(property);
            reader.Read();
            if (isFound) return true;
            reader.Skip();
        }
        return false;
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
