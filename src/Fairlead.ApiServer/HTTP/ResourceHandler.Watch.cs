using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Watch;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Fairlead.ApiServer.HTTP;

internal sealed partial class ResourceHandler
{
    private static readonly TimeSpan BookmarkEvery = TimeSpan.FromMinutes(1);

    /// <summary>
    /// Streams changes (Kubernetes API concepts: "Efficient detection of changes", "Watch bookmarks", "Streaming lists").
    /// Without a resource version, or with 0, the present objects come first as ADDED.
    /// </summary>
    private async Task WatchAsync(HttpContext context, ApiRequest request)
    {
        RequestQuery.CheckListOptions(context, watch: true);
        var kind = request.Kind!;
        var selection = RequestQuery.Selection(context, kind, request.Namespace, request.Name);
        var version = RequestQuery.Number(context, "resourceVersion") ?? 0;
        var initial = RequestQuery.IsTrue(context, "sendInitialEvents");
        var listFirst = initial || (version == 0 && context.Request.Query.First("sendInitialEvents") != "false");
        var begun = registry.Cache.Watch(kind.Stored, selection, listFirst ? null : version);
        var stream = new WatchStream(context, kind, WantsTable(context), time);
        if (begun is not { } watch)
        {
            await stream.WriteErrorAsync(ApiError.Gone($"too old resource version: {version} ({registry.Cache[kind.Stored].OldestRevision})"));
            return;
        }
        try
        {
            if (listFirst)
            {
                foreach (var obj in watch.Objects.Values.Where(selection.Matches)) await stream.WriteAsync("ADDED", obj);
                if (initial) stream.WriteBookmark(watch.Revision, endsInitialEvents: true);
            }
            await stream.FlushAsync();
            await PumpAsync(context, kind, watch.Watcher, stream);
            if (watch.Watcher.IsCutOff) CutOff(context, kind, "it was more than 4096 changes behind");
        }
        catch (SlowClientException)
        {
            CutOff(context, kind, $"it took nothing for {WatchStream.Patience.TotalSeconds} s");
            context.Abort();
        }
        finally
        {
            registry.Cache.Unwatch(kind.Stored, watch.Watcher);
        }
    }

    private void CutOff(HttpContext context, Kind kind, string why)
    {
        terminations.Add(kind);
        WatchLog.CutOff(log, kind.QualifiedPlural, UserOf(context).Name, why);
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
                stream.WriteBookmark(before, endsInitialEvents: false);
                nextBookmark = time.GetUtcNow() + BookmarkEvery;
            }
            await stream.FlushAsync();
            if (!await WaitAsync(watcher, bookmarks ? nextBookmark - time.GetUtcNow() : Timeout.InfiniteTimeSpan, either.Token)) break;
        }
        if (bookmarks && !context.RequestAborted.IsCancellationRequested && !watcher.Events.Completion.IsCompleted)
        {
            // Where the client stands now, so that its next watch resumes from here.
            var revision = registry.Cache.Revision;
            if (!watcher.Events.TryPeek(out _)) stream.WriteBookmark(revision, endsInitialEvents: false);
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

internal static partial class WatchLog
{
    [LoggerMessage(5130, LogLevel.Information, "a watch of {Resource} by {User} was cut off: {Why}")]
    public static partial void CutOff(ILogger log, string resource, string user, string why);
}
