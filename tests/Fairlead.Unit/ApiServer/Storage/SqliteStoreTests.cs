using System.Text;
using Fairlead.ApiServer.Storage;
using Xunit;

namespace Fairlead.Unit.ApiServer.Storage;

/// <summary>What is SQLite's own; the rest is in <see cref="StoreTests"/>.</summary>
public sealed class SqliteStoreTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("fairlead-test-");

    private string File => Path.Combine(_folder.FullName, "store.db");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Write_DiskRefuses_NothingCountsAndTheNextWriteWorks()
    {
        await using var store = new SqliteStore(File);
        var opened = await OpenedStore.Of(store);
        var first = await PutAsync(store, "/a", "1", 0);
        // What a full disk looks like to SQLite: the file may not grow.
        store.LimitPages(8);

        var refused = await Assert.ThrowsAsync<StoreException>(() => PutAsync(store, "/a", new string('x', 1 << 20), first.Revision));
        store.LimitPages(1 << 20);
        var second = await PutAsync(store, "/a", "2", first.Revision);

        Assert.Contains("nothing of this request was stored", refused.Message, StringComparison.Ordinal);
        Assert.True(second.Written);
        Assert.Equal(first.Revision + 1, second.Revision);
        Assert.Equal([first.Revision, second.Revision], opened.Told.Select(change => change.Revision));
    }

    [Fact]
    public async Task Open_FileThatIsNoDatabase_SaysSoAndWhatToDo()
    {
        await global::System.IO.File.WriteAllTextAsync(File, new string('x', 5000), TestContext.Current.CancellationToken);
        await using var store = new SqliteStore(File);

        var refused = await Assert.ThrowsAsync<StoreException>(() => OpenedStore.Of(store));

        Assert.Contains("restore it from a backup", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_HeldByAnotherProcess_SaysSo()
    {
        await using var store = new SqliteStore(File);
        await OpenedStore.Of(store);
        await PutAsync(store, "/a", "1", 0);
        await using var other = new SqliteStore(File);

        var refused = await Assert.ThrowsAsync<StoreException>(() => OpenedStore.Of(other));

        Assert.Contains("is in use by another process", refused.Message, StringComparison.Ordinal);
    }

    private static Task<StoreResult> PutAsync(SqliteStore store, string key, string value, long expected) =>
        store.WriteAsync(new StoreWrite(key, Encoding.UTF8.GetBytes(value), expected), default);
}
