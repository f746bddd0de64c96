using System.Text;
using Fairlead.ApiServer.Storage;
using Xunit;

namespace Fairlead.Unit.ApiServer.Storage;

public sealed class SqliteStoreTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("fairlead-test-");

    private string File => Path.Combine(_folder.FullName, "store.db");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Reopen_AfterWrites_HoldsEachKeysLastAndTheRevision()
    {
        long revision;
        await using (var store = new SqliteStore(File))
        {
            await OpenAsync(store);
            var a = await PutAsync(store, "/a", "1", 0);
            await PutAsync(store, "/a", "2", a.Revision);
            var b = await PutAsync(store, "/b", "1", 0);
            revision = (await store.WriteAsync(new StoreWrite("/b", null, b.Revision), default)).Revision;
        }

        await using var again = new SqliteStore(File);
        var (found, opened, _) = await OpenAsync(again);

        Assert.Equal("/a=2", Assert.Single(found));
        // The revision is that of the deletion, whose key is gone: a client that saw it may resume from it.
        Assert.Equal(revision, opened);
        Assert.Equal(revision + 1, (await PutAsync(again, "/c", "1", 0)).Revision);
    }

    [Theory]
    [InlineData("/a", 0L, false)]
    [InlineData("/a", 99L, false)]
    [InlineData("/a", 2L, true)]
    [InlineData("/new", 0L, true)]
    [InlineData("/new", 2L, false)]
    public async Task Write_ExpectedRevision_IsCompared(string key, long expected, bool written)
    {
        await using var store = new SqliteStore(File);
        await OpenAsync(store);
        await PutAsync(store, "/a", "1", 0);

        var result = await PutAsync(store, key, "2", expected);

        Assert.Equal(written, result.Written);
        if (!written) Assert.Equal(key == "/a" ? 2 : 0, result.Revision);
    }

    [Fact]
    public async Task Write_ManyAtOnceToOneKey_OneWinsAndRevisionsRiseInOrder()
    {
        await using var store = new SqliteStore(File);
        var (_, _, sink) = await OpenAsync(store);

        var results = await Task.WhenAll(Enumerable.Range(0, 200).Select(i => PutAsync(store, i % 2 == 0 ? "/same" : $"/k{i}", $"{i}", 0)));

        Assert.Equal(101, results.Count(result => result.Written));
        Assert.Equal(Enumerable.Range(2, 101).Select(i => (long)i), sink.Seen);
    }

    [Fact]
    public async Task Write_DiskRefuses_NothingCountsAndTheNextWriteWorks()
    {
        await using var store = new SqliteStore(File);
        var (_, _, sink) = await OpenAsync(store);
        var first = await PutAsync(store, "/a", "1", 0);
        // What a full disk looks like to SQLite: the file may not grow.
        store.LimitPages(8);

        var refused = await Assert.ThrowsAsync<StoreException>(() => PutAsync(store, "/a", new string('x', 1 << 20), first.Revision));
        store.LimitPages(1 << 20);
        var second = await PutAsync(store, "/a", "2", first.Revision);

        Assert.Contains("nothing of this request was stored", refused.Message, StringComparison.Ordinal);
        Assert.True(second.Written);
        Assert.Equal(first.Revision + 1, second.Revision);
        Assert.Equal([first.Revision, second.Revision], sink.Seen);
    }

    [Fact]
    public async Task Open_FileThatIsNoDatabase_SaysSoAndWhatToDo()
    {
        await global::System.IO.File.WriteAllTextAsync(File, new string('x', 5000), TestContext.Current.CancellationToken);
        await using var store = new SqliteStore(File);

        var refused = await Assert.ThrowsAsync<StoreException>(() => OpenAsync(store));

        Assert.Contains("restore it from a backup", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_HeldByAnotherProcess_SaysSo()
    {
        await using var store = new SqliteStore(File);
        await OpenAsync(store);
        await PutAsync(store, "/a", "1", 0);
        await using var other = new SqliteStore(File);

        var refused = await Assert.ThrowsAsync<StoreException>(() => OpenAsync(other));

        Assert.Contains("is in use by another process", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Write_AfterClose_IsRefused()
    {
        var store = new SqliteStore(File);
        await OpenAsync(store);
        await store.DisposeAsync();

        await Assert.ThrowsAsync<StoreException>(() => PutAsync(store, "/a", "1", 0));
    }

    private static async Task<(List<string> Found, long Revision, Sink Sink)> OpenAsync(SqliteStore store)
    {
        var found = new List<string>();
        var sink = new Sink();
        var revision = await store.OpenAsync(entry => found.Add($"{entry.Key}={Encoding.UTF8.GetString(entry.Value!)}"), sink, default);
        return (found, revision, sink);
    }

    private static Task<StoreResult> PutAsync(SqliteStore store, string key, string value, long expected) =>
        store.WriteAsync(new StoreWrite(key, Encoding.UTF8.GetBytes(value), expected), default);

    private sealed class Sink : IStoreSink
    {
        public List<long> Seen { get; } = [];

        public void Committed(ReadOnlySpan<StoreEntry> changes)
        {
            foreach (var change in changes) Seen.Add(change.Revision);
        }
    }
}
