using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Watch;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.HTTP;

internal sealed partial class ResourceHandler
{
    private const string InitialEventsEnd = ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}";
    private static readonly TimeSpan BookmarkEvery = TimeSpan.FromMinutes(1);

    /// <summary>
    /// Streams changes (Kubernetes API concepts: "Efficient detection of changes", "Watch bookmarks", "Streaming lists").
    /// Without a resource version, or with 0, the present objects come first as ADDED.
    /// </summary>
    private async Task WatchAsync(HttpContext context, ApiRequest request)
    {
        if (ProtobufAnswer.IsWanted(context)) throw ApiError.NotAcceptable();
        RequestQuery.CheckListOptions(context, watch: true);
        var kind = request.Kind!;
        var selection = RequestQuery.Selection(context, kind, request.Namespace, request.Name);
        var version = RequestQuery.Number(context, "resourceVersion") ?? 0;
        var initial = RequestQuery.IsTrue(context, "sendInitialEvents");
        var listFirst = initial || (version == 0 && context.Request.Query["sendInitialEvents"].ToString() != "false");
        var begun = registry.Cache.Watch(kind, selection, listFirst ? null : version);
        var stream = new WatchStream(context, kind, WantsTable(context), time);
        if (begun is not { } watch)
        {
            await stream.WriteErrorAsync(ApiError.Gone($"too old resource version: {version} ({registry.Cache[kind].OldestRevision})"));
            return;
        }
        try
        {
            if (listFirst)
            {
                foreach (var obj in watch.Objects.Values.Where(selection.Matches)) await stream.WriteAsync("ADDED", obj);
                if (initial) stream.WriteBookmark(watch.Revision, InitialEventsEnd);
            }
            await stream.FlushAsync();
            await PumpAsync(context, kind, watch.Watcher, stream);
        }
        finally
        {
            registry.Cache.Unwatch(kind, watch.Watcher);
        }
    }

    private async Task PumpAsync(HttpContext context, Kind kind, Watcher watcher, WatchStream stream)
    {
        var bookmarks = RequestQuery.IsTrue(context, "allowWatchBookmarks");
        var seconds = RequestQuery.Number(context, "timeoutSeconds") ?? Random.Shared.Next(1800, 3600);
        using var end = new CancellationTokenSource(TimeSpan.FromSeconds(Math.Min(seconds, 86400)), time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(end.Token, context.RequestAborted);
        var nextBookmark = time.GetUtcNow() + BookmarkEvery;
        while (!either.IsCancellationRequested)
        {
            var before = registry.Cache.Revision;
            while (watcher.Events.TryRead(out var change))
            {
                var (type, obj) = watcher.Translate(change);
                await stream.WriteAsync(type, obj);
                before = Math.Max(before, change.Revision);
            }
            if (bookmarks && time.GetUtcNow() >= nextBookmark)
            {
                stream.WriteBookmark(before, "");
                nextBookmark = time.GetUtcNow() + BookmarkEvery;
            }
            await stream.FlushAsync();
            if (!await WaitAsync(watcher, bookmarks ? nextBookmark - time.GetUtcNow() : Timeout.InfiniteTimeSpan, either.Token)) break;
        }
        if (bookmarks && !context.RequestAborted.IsCancellationRequested && !watcher.Events.Completion.IsCompleted)
        {
            // Where the client stands now, so that its next watch resumes from here.
            var revision = registry.Cache.Revision;
            if (!watcher.Events.TryPeek(out _)) stream.WriteBookmark(revision, "");
            await stream.FlushAsync();
        }
    }

    /// <summary>Waits for an event or for the time to pass; false says that the watch is over.</summary>
    private async Task<bool> WaitAsync(Watcher watcher, TimeSpan longest, CancellationToken cancel)
    {
        var waiting = watcher.Events.WaitToReadAsync(cancel).AsTask();
        try
        {
            return longest == Timeout.InfiniteTimeSpan
                ? await waiting
                : await waiting.WaitAsync(longest > TimeSpan.Zero ? longest : TimeSpan.FromMilliseconds(1), time, cancel);
        }
        catch (TimeoutException)
        {
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}

/// <summary>One watch's answer: a JSON document a line.</summary>
internal sealed class WatchStream(HttpContext context, Kind kind, bool asTable, TimeProvider time)
{
    private readonly PipeWriter _writer = Begin(context);
    private bool _first = true;

    public async ValueTask WriteAsync(string type, StoredObject obj)
    {
        _writer.Write(Encoding.ASCII.GetBytes($"{{\"type\":\"{type}\",\"object\":"));
        if (asTable) _writer.Write(TableAnswer.Single(context, kind, obj, _first, time.GetUtcNow()));
        else _writer.Write(obj.Json);
        _writer.Write("}\n"u8);
        _first = false;
        if (_writer.UnflushedBytes > 64 * 1024) await FlushAsync();
    }

    /// <param name="annotations">JSON to stand in metadata behind the resource version, or empty.</param>
    public void WriteBookmark(long revision, string annotations)
    {
        var (apiVersion, name, more) = asTable ? ("meta.k8s.io/v1", "Table", ",\"columnDefinitions\":null,\"rows\":[]") : (kind.ApiVersion, kind.Name, "");
        _writer.Write(Encoding.ASCII.GetBytes(
            $"{{\"type\":\"BOOKMARK\",\"object\":{{\"kind\":\"{name}\",\"apiVersion\":\"{apiVersion}\",\"metadata\":{{\"resourceVersion\":\"{revision}\"{annotations}}}{more}}}}}\n"));
    }

    public async Task WriteErrorAsync(ApiError error)
    {
        _writer.Write(Encoding.UTF8.GetBytes($"{{\"type\":\"ERROR\",\"object\":{error.ToStatus().ToJsonString()}}}\n"));
        await FlushAsync();
    }

    public async ValueTask FlushAsync() => await _writer.FlushAsync(context.RequestAborted);

    private static PipeWriter Begin(HttpContext context)
    {
        context.Response.ContentType = Answers.Json;
        return context.Response.BodyWriter;
    }
}
