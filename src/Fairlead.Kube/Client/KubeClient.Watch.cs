using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Fairlead.Kube.Json;
using k8s;
using k8s.Models;

namespace Fairlead.Kube.Client;

public sealed partial class KubeClient
{
    /// <summary>
    /// Changes after <paramref name="resourceVersion"/>, until the server ends the watch (which it does every few minutes)
    /// or the caller cancels. An ERROR event is thrown as <see cref="KubeApiException"/>; <see cref="KubeApiException.IsGone"/> asks for a new list.
    /// </summary>
    public async IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(
        ApiResource<T> resource, string? ns, ListOptions options, string resourceVersion, [EnumeratorCancellation] CancellationToken cancel)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var query = Query(options with { PageSize = 0 }, null);
        var path = resource.Path(ns) + (query.Length == 0 ? "?" : query + "&")
            + $"watch=true&allowWatchBookmarks=true&resourceVersion={resourceVersion}";
        using var response = await SendCoreAsync(HttpMethod.Get, path, null, cancel);
        await using var stream = await response.Content.ReadAsStreamAsync(cancel);
        var pipe = PipeReader.Create(stream);
        while (true)
        {
            var read = await pipe.ReadAsync(cancel);
            var buffer = read.Buffer;
            while (TakeLine(ref buffer, out var line))
            {
                if (!line.IsEmpty) yield return ParseEvent<T>(line);
            }
            pipe.AdvanceTo(buffer.Start, buffer.End);
            if (read.IsCompleted) yield break;
        }
    }

    private static bool TakeLine(ref ReadOnlySequence<byte> buffer, out ReadOnlySequence<byte> line)
    {
        if (buffer.PositionOf((byte)'\n') is not { } end)
        {
            line = default;
            return false;
        }
        line = buffer.Slice(0, end);
        buffer = buffer.Slice(buffer.GetPosition(1, end));
        return true;
    }

    private static WatchEvent<T> ParseEvent<T>(ReadOnlySequence<byte> line)
    {
        var reader = new Utf8JsonReader(line);
        var type = WatchEventType.Added;
        T? obj = default;
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isType = reader.ValueTextEquals("type"u8);
            var isObject = reader.ValueTextEquals("object"u8);
            reader.Read();
            // The server writes "type" before "object" (as Kubernetes does), so an error's Status is never read as a T.
            if (isType) type = ParseType(ref reader, line);
            else if (isObject) obj = JsonSerializer.Deserialize(ref reader, KubeJson.TypeInfo<T>());
            else reader.Skip();
        }
        return new WatchEvent<T>(type, obj ?? throw new JsonException("A watch event without an object."));
    }

    private static WatchEventType ParseType(ref Utf8JsonReader reader, ReadOnlySequence<byte> line)
    {
        if (reader.ValueTextEquals("ADDED"u8)) return WatchEventType.Added;
        if (reader.ValueTextEquals("MODIFIED"u8)) return WatchEventType.Modified;
        if (reader.ValueTextEquals("DELETED"u8)) return WatchEventType.Deleted;
        if (reader.ValueTextEquals("BOOKMARK"u8)) return WatchEventType.Bookmark;
        using var document = JsonDocument.Parse(line);
        var status = document.RootElement.TryGetProperty("object", out var found) ? found.Deserialize(KubeJson.TypeInfo<V1Status>()) : null;
        throw new KubeApiException((HttpStatusCode)(status?.Code ?? 500), status?.Message ?? "the watch failed", status);
    }
}
