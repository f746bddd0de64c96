using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Watch;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.HTTP;

internal sealed partial class ResourceHandler
{
    private async Task ListAsync(HttpContext context, ApiRequest request)
    {
        RequestQuery.CheckListOptions(context, watch: false);
        var kind = request.Kind!;
        var selection = RequestQuery.Selection(context, kind, request.Namespace);
        var limit = RequestQuery.Number(context, "limit") ?? 0;
        var (objects, revision, after) = ListSource(context, kind);
        var page = new List<StoredObject>();
        string? next = null;
        var remaining = 0L;
        foreach (var obj in From(objects, kind, request.Namespace, after))
        {
            if (!selection.Matches(obj)) continue;
            if (limit == 0 || page.Count < limit) page.Add(obj);
            else remaining++;
        }
        if (remaining > 0) next = ContinueToken.Write(revision, page[^1].Key);
        if (WantsTable(context)) await TableAnswer.WriteAsync(context, kind, page, revision, next, time.GetUtcNow());
        else await WriteListAsync(context, kind, page, revision, next, selection.Labels.IsEmpty && selection.Fields.Count == 0 ? remaining : 0);
    }

    /// <summary>The snapshot to list from: the present, or the one that a continue token or an exact resource version names.</summary>
    private (ImmutableSortedDictionary<string, StoredObject> Objects, long Revision, string? After) ListSource(HttpContext context, Kind kind)
    {
        var (objects, revision) = registry.Cache.Snapshot(kind);
        if (context.Request.Query["continue"].ToString() is { Length: > 0 } token)
        {
            var (at, after) = ContinueToken.Read(token);
            var then = registry.Cache.SnapshotAt(kind, at)
                ?? throw ApiError.Gone("The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.");
            return (then, at, after);
        }
        var match = context.Request.Query["resourceVersionMatch"].ToString();
        var version = RequestQuery.Number(context, "resourceVersion") ?? 0;
        if (version > revision)
            throw new ApiError(504, "Timeout", $"Too large resource version: {version}, current: {revision}", new JsonObject { ["retryAfterSeconds"] = 1 });
        // A page at a version without a word about matching means that very version, since before there was such a word.
        if (match == "Exact" || (match.Length == 0 && version > 0 && RequestQuery.Number(context, "limit") > 0))
        {
            var then = registry.Cache.SnapshotAt(kind, version) ?? throw ApiError.Gone($"The resourceVersion for the provided list is too old: {version}");
            return (then, version, null);
        }
        return (objects, revision, null);
    }

    private static IEnumerable<StoredObject> From(ImmutableSortedDictionary<string, StoredObject> objects, Kind kind, string ns, string? after)
    {
        var prefix = kind.Namespaced && ns.Length > 0 ? $"{kind.StoragePrefix}{ns}/" : "";
        foreach (var (key, obj) in objects)
        {
            if (prefix.Length > 0 && !key.StartsWith(prefix, StringComparison.Ordinal)) continue;
            if (after is not null && string.CompareOrdinal(key, after) <= 0) continue;
            yield return obj;
        }
    }

    private static async Task WriteListAsync(HttpContext context, Kind kind, List<StoredObject> page, long revision, string? next, long remaining)
    {
        var head = new JsonObject { ["resourceVersion"] = revision.ToString(System.Globalization.CultureInfo.InvariantCulture) };
        if (next is not null) head["continue"] = next;
        if (remaining > 0) head["remainingItemCount"] = remaining;
        if (ProtobufAnswer.IsWanted(context))
        {
            await Answers.WriteAsync(context, 200, new JsonObject
            {
                ["kind"] = kind.Name + "List",
                ["apiVersion"] = kind.ApiVersion,
                ["metadata"] = head,
                ["items"] = new JsonArray([.. page.Select(obj => obj.ToTree())]),
            });
            return;
        }
        var start = $"{{\"kind\":\"{kind.Name}List\",\"apiVersion\":\"{kind.ApiVersion}\",\"metadata\":{head.ToJsonString()},\"items\":[";
        context.Response.ContentType = Answers.Json;
        var writer = context.Response.BodyWriter;
        writer.Write(Encoding.UTF8.GetBytes(start));
        for (var i = 0; i < page.Count; i++)
        {
            if (i > 0) writer.Write(","u8);
            writer.Write(page[i].Json);
            if (writer.UnflushedBytes > 256 * 1024) await writer.FlushAsync(context.RequestAborted);
        }
        writer.Write("]}"u8);
        await writer.FlushAsync(context.RequestAborted);
    }

    private static bool WantsTable(HttpContext context) =>
        context.Request.Headers.Accept.ToString().Contains("as=Table", StringComparison.Ordinal);
}

/// <summary>Where a list goes on: the revision of its snapshot and the last key given. Opaque to clients.</summary>
internal static class ContinueToken
{
    public static string Write(long revision, string key)
    {
        var token = new JsonObject { ["v"] = "meta.k8s.io/v1", ["rv"] = revision, ["start"] = key };
        return Convert.ToBase64String(Encoding.UTF8.GetBytes(token.ToJsonString())).TrimEnd('=').Replace('+', '-').Replace('/', '_');
    }

    public static (long Revision, string Key) Read(string token)
    {
        try
        {
            var base64 = token.Replace('-', '+').Replace('_', '/');
            var json = JsonNode.Parse(Convert.FromBase64String(base64.PadRight((base64.Length + 3) / 4 * 4, '=')));
            return (json.Number("rv") ?? throw new FormatException(), json.Text("start") ?? throw new FormatException());
        }
        catch (Exception e) when (e is FormatException or JsonException)
        {
            throw ApiError.BadRequest("continue key is not valid");
        }
    }
}
