using System.Text.Json.Nodes;
using Fairlead.ApiServer.Storage;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Fairlead.Unit.ApiServer.HTTP;

/// <summary>Kubernetes API concepts: "Efficient detection of changes", "Watch bookmarks", "Streaming lists".</summary>
public sealed class WatchTests
{
    private const string StreamingList = Api.ConfigMaps + "?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";

    [Fact]
    public async Task Watch_WithInitialEvents_ObjectsThenAnnotatedBookmark()
    {
        await using var server = await TestApiServer.StartAsync();
        var api = new Api(server.Client);
        await api.ConfigMapAsync("a");
        var last = await api.ConfigMapAsync("b");

        var events = await api.WatchAsync(StreamingList, 3);

        Assert.Equal(["ADDED", "ADDED", "BOOKMARK"], events.Select(TypeOf));
        Assert.Equal("true", (string?)events[2]["object"]!["metadata"]!["annotations"]!["k8s.io/initial-events-end"]);
        Assert.True(long.Parse(VersionOf(events[2]), null) >= long.Parse((string)last["metadata"]!["resourceVersion"]!, null));
    }

    [Fact]
    public async Task Watch_ObjectLeavesAndEntersTheSelection_ToldAsDeletedAndAdded()
    {
        await using var server = await TestApiServer.StartAsync();
        var api = new Api(server.Client);
        var made = await api.ConfigMapAsync("a", ",\"labels\":{\"x\":\"y\"}");
        foreach (var value in (string[])["z", "y"])
            await api.DoAsync("PATCH", Api.ConfigMaps + "/a", $$"""{"metadata":{"labels":{"x":"{{value}}"} } }""", "application/merge-patch+json");

        var events = await api.WatchAsync($"{Api.ConfigMaps}?watch=true&labelSelector=x%3Dy&resourceVersion={made["metadata"]!["resourceVersion"]}", 2);

        Assert.Equal(["DELETED", "ADDED"], events.Select(TypeOf));
    }

    [Fact]
    public async Task WatchAndList_FromBeforeThisServersTime_AreToldThatItExpired()
    {
        var folder = Directory.CreateTempSubdirectory("fairlead-test-");
        try
        {
            var file = Path.Combine(folder.FullName, "store.db");
            await using (var before = await TestApiServer.StartAsync(new SqliteStore(file))) await new Api(before.Client).ConfigMapAsync("a");
            await using var server = await TestApiServer.StartAsync(new SqliteStore(file));

            var events = await new Api(server.Client).WatchAsync(Api.ConfigMaps + "?watch=true&resourceVersion=2");

            var error = Assert.Single(events);
            Assert.Equal("ERROR", TypeOf(error));
            Assert.Equal(410, (int)error["object"]!["code"]!);
            Assert.Equal("Expired", (string)error["object"]!["reason"]!);
            Assert.Equal(410, (await new Api(server.Client).SendAsync("GET", Api.ConfigMaps + "?resourceVersion=2&resourceVersionMatch=Exact")).Code);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Watch_QuietForAMinute_BookmarkMovesOn()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UnixEpoch.AddYears(56));
        await using var server = await TestApiServer.StartAsync(time: time);
        var api = new Api(server.Client);
        var made = await api.ConfigMapAsync("a");
        var watch = api.WatchAsync($"{Api.ConfigMaps}?watch=true&allowWatchBookmarks=true&resourceVersion={made["metadata"]!["resourceVersion"]}", 2);
        await api.ConfigMapAsync("b");

        // A clock that the test moves: again and again, because the watch may not have begun to wait for it.
        while (!watch.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(61));
            await Task.WhenAny(watch, Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, TestContext.Current.CancellationToken));
        }

        var events = await watch;
        Assert.Equal("BOOKMARK", TypeOf(events[^1]));
        Assert.True(long.Parse(VersionOf(events[^1]), null) > long.Parse((string)made["metadata"]!["resourceVersion"]!, null));
    }

    [Fact]
    public async Task Watch_TimeoutPasses_EndsWithABookmark()
    {
        await using var server = await TestApiServer.StartAsync();
        var api = new Api(server.Client);
        var made = await api.ConfigMapAsync("a");

        var events = await api.WatchAsync($"{Api.ConfigMaps}?watch=true&allowWatchBookmarks=true&timeoutSeconds=1&resourceVersion={made["metadata"]!["resourceVersion"]}");

        Assert.Equal(["BOOKMARK"], events.Select(TypeOf));
    }

    private static string TypeOf(JsonNode change) => (string)change["type"]!;

    private static string VersionOf(JsonNode change) => (string)change["object"]!["metadata"]!["resourceVersion"]!;
}
