using Fairlead.ApiServer.Storage;
using Fairlead.ApiServer.Storage.Etcd;
using Xunit;

namespace Fairlead.Unit.ApiServer.Storage;

/// <summary>What every store promises (<see cref="IStore"/>), tried on each of them.</summary>
public abstract class StoreTests : IDisposable
{
    private protected abstract IStore New();

    public virtual void Dispose() => GC.SuppressFinalize(this);

    [Fact]
    public async Task Reopen_AfterWrites_HoldsEachKeysLastAndTheRevision()
    {
        long revision;
        await using (var store = await OpenedStore.Of(New()))
        {
            var a = await store.PutAsync("/registry/a", "1", 0);
            await store.PutAsync("/registry/a", "2", a.Revision);
            var b = await store.PutAsync("/registry/b", "1", 0);
            revision = (await store.DeleteAsync("/registry/b", b.Revision)).Revision;
        }

        await using var again = await OpenedStore.Of(New());

        Assert.Equal("/registry/a=2", Assert.Single(again.Found));
        // The revision is that of the deletion, whose key is gone: a client that saw it may resume from it.
        Assert.True(again.Revision >= revision);
        Assert.True((await again.PutAsync("/registry/c", "1", 0)).Revision > again.Revision);
    }

    [Theory]
    [InlineData("/registry/a", 0, false)]
    [InlineData("/registry/a", 99, false)]
    [InlineData("/registry/a", -1, true)]
    [InlineData("/registry/new", 0, true)]
    [InlineData("/registry/new", -1, false)]
    public async Task Write_ExpectedRevision_IsCompared(string key, long expected, bool written)
    {
        await using var store = await OpenedStore.Of(New());
        var present = (await store.PutAsync("/registry/a", "1", 0)).Revision;

        var result = await store.PutAsync(key, "2", expected == -1 ? present : expected);

        Assert.Equal(written, result.Written);
        if (!written) Assert.Equal(key == "/registry/a" ? present : 0, result.Revision);
    }

    [Fact]
    public async Task Write_Answers_AfterTheSinkHasSeenIt()
    {
        await using var store = await OpenedStore.Of(New());
        var revision = 0L;
        for (var i = 0; i < 50; i++)
        {
            var result = await store.PutAsync("/registry/a", $"{i}", revision);
            Assert.Equal(result.Revision, store.Told[^1].Revision);
            revision = result.Revision;
        }
    }

    [Fact]
    public async Task Write_ManyAtOnceToOneKey_OneWinsAndRevisionsRiseInOrder()
    {
        await using var store = await OpenedStore.Of(New());

        var results = await Task.WhenAll(Enumerable.Range(0, 200).Select(i => store.PutAsync(i % 2 == 0 ? "/registry/same" : $"/registry/k{i}", $"{i}", 0)));

        Assert.Equal(101, results.Count(result => result.Written));
        Assert.Equal(101, store.Told.Count);
        Assert.Equal(results.Where(result => result.Written).Select(result => result.Revision).Order(), store.Told.Select(change => change.Revision));
        Assert.Equal(store.State().Count, store.Told.Count);
    }

    [Fact]
    public async Task Delete_OfWhatIsThere_TellsTheSinkAndFreesTheKey()
    {
        await using var store = await OpenedStore.Of(New());
        var made = await store.PutAsync("/registry/a", "1", 0);

        Assert.False((await store.DeleteAsync("/registry/a", made.Revision + 1)).Written);
        var deleted = await store.DeleteAsync("/registry/a", made.Revision);

        Assert.True(deleted is { Written: true } && deleted.Revision > made.Revision);
        Assert.Null(store.Told[^1].Value);
        Assert.True((await store.PutAsync("/registry/a", "2", 0)).Written);
    }

    [Fact]
    public async Task CatchUp_StoreIsWell_HasEverything()
    {
        var store = New();
        await using var opened = await OpenedStore.Of(store);
        await opened.PutAsync("/registry/a", "1", 0);

        Assert.Equal(TimeSpan.Zero, await store.CatchUpAsync(default));
        Assert.Null(store.Trouble);
    }

    [Fact]
    public async Task Write_AfterClose_IsRefused()
    {
        var store = await OpenedStore.Of(New());
        await store.DisposeAsync();

        await Assert.ThrowsAsync<StoreException>(() => store.PutAsync("/registry/a", "1", 0));
    }
}

public sealed class SqliteAsAnyStoreTests : StoreTests
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("fairlead-test-");

    private protected override IStore New() => new SqliteStore(Path.Combine(_folder.FullName, "store.db"));

    public override void Dispose()
    {
        _folder.Delete(recursive: true);
        base.Dispose();
    }
}

[Collection("etcd")]
public sealed class EtcdAsAnyStoreTests(EtcdFixture etcd) : StoreTests
{
    private readonly EtcdOptions _options = etcd.NewOptions();

    private protected override IStore New() => EtcdFixture.Open(_options);
}
