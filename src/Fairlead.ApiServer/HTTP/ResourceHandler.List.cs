using System.Buffers;
using System.Collections.Immutable;
using System.Text;
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
        var (objects, revision, after, began) = ListSource(context, kind.Stored);
        var page = new List<StoredObject>();
        string? next = null;
        var remaining = 0L;
        foreach (var obj in From(objects, kind, request.Namespace, after))
        {
            if (!selection.Matches(obj)) continue;
            if (limit == 0 || page.Count < limit) page.Add(obj);
            else remaining++;
        }
        if (remaining > 0) next = new ContinueToken(revision, page[^1].Key, began).ToString();
        var left = selection.Labels.IsEmpty && selection.Fields.Count == 0 ? remaining : 0;
        if (WantsTable(context)) await TableAnswer.WriteAsync(context, kind, page, HeadOf(revision, next, left), time.GetUtcNow());
        else await WriteListAsync(context, kind, page, revision, next, left);
    }

    /// <summary>The snapshot to list from: the present, or the one that a continue token or an exact resource version names.</summary>
    private (ImmutableSortedDictionary<string, StoredObject> Objects, long Revision, string? After, DateTimeOffset Began) ListSource(HttpContext context, Kind kind)
    {
        var (objects, revision) = registry.Cache.Snapshot(kind);
        var now = time.GetUtcNow();
        if (context.Request.Query.First("continue") is { Length: > 0 } token)
        {
            var page = ContinueToken.Read(token);
            if (page.Revision == ContinueToken.Present) return (objects, revision, page.After, now);
            if (now - page.Began < ContinueToken.Lifetime && registry.Cache.SnapshotAt(kind, page.Revision) is { } then) return (then, page.Revision, page.After, page.Began);
            throw ApiError.PageGone(new ContinueToken(ContinueToken.Present, page.After, now).ToString());
        }
        var match = context.Request.Query.First("resourceVersionMatch");
        var version = RequestQuery.Number(context, "resourceVersion") ?? 0;
        if (version > revision) throw ApiError.TooLargeVersion(version, revision);
        // A page at a version without a word about matching means that very version, since before there was such a word.
        if (match == "Exact" || (match.Length == 0 && version > 0 && RequestQuery.Number(context, "limit") > 0))
        {
            var then = registry.Cache.SnapshotAt(kind, version) ?? throw ApiError.Gone($"The resourceVersion for the provided list is too old: {version}");
            return (then, version, null, now);
        }
        return (objects, revision, null, now);
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

    internal static JsonObject HeadOf(long revision, string? next, long remaining)
    {
        var head = new JsonObject { ["resourceVersion"] = revision.ToString(System.Globalization.CultureInfo.InvariantCulture) };
        if (next is not null) head["continue"] = next;
        if (remaining > 0) head["remainingItemCount"] = remaining;
        return head;
    }

    private static async Task WriteListAsync(HttpContext context, Kind kind, List<StoredObject> page, long revision, string? next, long remaining)
    {
        var form = ObjectForm.Of(context, kind);
        var head = HeadOf(revision, next, remaining);
        if (Answers.IsTranscoded(context))
        {
            await Answers.WriteAsync(context, 200, new JsonObject
            {
                ["kind"] = form.KindName + "List",
                ["apiVersion"] = form.ApiVersion,
                ["metadata"] = head,
                ["items"] = new JsonArray([.. page.Select(obj => form.Show(obj).ToTree())]),
            });
            return;
        }
        var start = $"{{\"kind\":\"{form.KindName}List\",\"apiVersion\":\"{form.ApiVersion}\",\"metadata\":{head.ToJsonString()},\"items\":[";
        context.Response.ContentType = Answers.Json;
        var size = page.Sum(obj => (long)obj.Json.Length);
        var writer = Compression.BodyOf(context, size);
        writer.Write(Encoding.UTF8.GetBytes(start));
        for (var i = 0; i < page.Count; i++)
        {
            if (i > 0) writer.Write(","u8);
            writer.Write(form.Show(page[i]).Json);
            if (writer.UnflushedBytes > 256 * 1024) await writer.FlushAsync(context.RequestAborted);
        }
        writer.Write("]}"u8);
        await writer.FlushAsync(context.RequestAborted);
        await writer.CompleteAsync();
    }

    internal static bool WantsTable(HttpContext context) =>
        context.Request.Headers.Accept.ToString().Contains("as=Table", StringComparison.Ordinal);
}
