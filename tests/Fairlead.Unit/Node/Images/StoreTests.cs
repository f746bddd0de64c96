using System.Text.Json.Nodes;
using Fairlead.Node.Images;
using Fairlead.Node.Runtime;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Fairlead.Unit.Node.Images;

public sealed class StoreTests : IDisposable
{
    private readonly string _data = Directory.CreateTempSubdirectory("fairlead-store-").FullName;
    private readonly ImageStore _store;

    public StoreTests() => _store = new ImageStore($"{_data}/images", TimeProvider.System);

    public void Dispose() => Directory.Delete(_data, recursive: true);

    private static TestImage Small(string name, string content = "x") =>
        new(name, new JsonObject { ["Entrypoint"] = new JsonArray("/run"), ["User"] = "app", ["StopSignal"] = "SIGQUIT" }, new TestLayer().File("base", "base").ToArray(), new TestLayer().File("own", content).ToArray());

    private async Task<IReadOnlyList<NamedImage>> ImportAsync(byte[] archive, string? name = null) =>
        await new ArchiveImport(_store).RunAsync(new MemoryStream(archive), archive.Length, name is null ? null : ImageReference.TryParse(name), CancellationToken.None);

    private Image Find(string name)
    {
        Assert.True(_store.TryFind(ImageReference.TryParse(name)!, out var image), $"no {name}");
        return image;
    }

    [Fact]
    public async Task Import_DockerArchiveOfTwo_GivesBothAndSharesLayers()
    {
        var images = await ImportAsync(TestImage.DockerArchive(Small("one:1"), Small("two:2", "y")));
        Assert.Equal(["docker.io/library/one:1", "docker.io/library/two:2"], images.Select(image => image.Name).Order());
        var (one, two) = (Find("one:1"), Find("two:2"));
        Assert.Equal("x", File.ReadAllText($"{one.Layers[0]}/own"));
        Assert.Equal(one.Layers[1], two.Layers[1]);
        Assert.Equal(["/run"], one.Entrypoint);
        Assert.Equal(("app", "SIGQUIT", TestImage.Digest(Small("one:1").Config)), (one.User, one.StopSignal, one.Id));
        Assert.Equal(3, Directory.GetDirectories($"{_store.Root}/l").Length);
        Assert.Empty(Directory.GetFiles($"{_store.Root}/partial"));
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(0, true)]
    public async Task Import_OciArchive_IsFoundByName(int kind, bool packArchive)
    {
        var archive = Small("registry.example/app:v1").OciArchive(kind == 0 ? TestImage.Plain : kind == 1 ? TestImage.Gzip : TestImage.Zstd);
        await ImportAsync(packArchive ? TestImage.Gzip(archive) : archive);
        Assert.Equal("base", File.ReadAllText($"{Find("registry.example/app:v1").Layers[1]}/base"));
    }

    [Fact]
    public async Task Import_ArchiveWithoutAName_NeedsOne()
    {
        var archive = Small("x:1").OciArchive(TestImage.Plain, refName: "latest");
        Assert.Contains("--as", (await Assert.ThrowsAsync<ImageException>(() => ImportAsync(archive))).Message, StringComparison.Ordinal);
        await ImportAsync(archive, "given:1");
        Find("given:1");
    }

    [Theory]
    [InlineData("the image archive", "no image archive")]
    [InlineData("", "no image archive")]
    public async Task Import_SomethingElse_IsRefused(string file, string expected)
    {
        var archive = new TestLayer().File("other", file).ToArray();
        Assert.Contains(expected, (await Assert.ThrowsAsync<ImageException>(() => ImportAsync(archive))).Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ImageException>(() => ImportAsync([1, 2, 3, 4, 5]));
        Assert.Empty(_store.Images);
        Assert.Empty(Directory.GetFiles($"{_store.Root}/partial"));
    }

    [Fact]
    public async Task Import_LayerThatIsNotWhatItsDigestSays_IsRefused()
    {
        var archive = Small("x:1").OciArchive(TestImage.Plain);
        var at = archive.AsSpan().IndexOf("base"u8);
        archive[archive.AsSpan(at + 4).IndexOf("base"u8) + at + 4] = (byte)'B';
        await Assert.ThrowsAsync<ImageException>(() => ImportAsync(archive));
        Assert.Empty(_store.Images);
    }

    [Fact]
    public async Task Import_FromTwoStoresAtOnce_IsOneImageWhole()
    {
        var archive = TestImage.DockerArchive([.. Enumerable.Range(0, 8).Select(i => Small($"image{i}:1", $"{i}"))]);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
            new ArchiveImport(new ImageStore(_store.Root, TimeProvider.System)).RunAsync(new MemoryStream(archive), 0, null, CancellationToken.None))));
        Assert.Equal(8, _store.Images.Count());
        for (var i = 0; i < 8; i++) Assert.Equal($"{i}", File.ReadAllText($"{Find($"image{i}:1").Layers[0]}/own"));
        Assert.Equal(9, Directory.GetFileSystemEntries($"{_store.Root}/l").Length);
    }

    [Fact]
    public async Task Remove_OneOfTwo_KeepsWhatTheOtherNeeds()
    {
        await ImportAsync(TestImage.DockerArchive(Small("one:1"), Small("two:2", "y")));
        var one = Find("one:1");
        await _store.RemoveAsync(["docker.io/library/one:1"], () => [], CancellationToken.None);
        Assert.False(_store.TryFind(ImageReference.TryParse("one:1")!, out _));
        Assert.False(Directory.Exists(one.Layers[0]));
        Assert.True(Directory.Exists(one.Layers[1]));
        Find("two:2");
        await _store.RemoveAsync(["docker.io/library/two:2"], () => [], CancellationToken.None);
        Assert.Empty(Directory.GetFileSystemEntries($"{_store.Root}/l"));
        Assert.Empty(Directory.GetFiles($"{_store.Root}/blobs/sha256"));
    }

    [Fact]
    public async Task Remove_LayerThatAContainerStandsOn_Stays()
    {
        await ImportAsync(TestImage.DockerArchive(Small("one:1")));
        var image = Find("one:1");
        var use = new ImageUse("main", "uid", image.Id, image.Layers);
        Assert.Equal(use, _store.UserOf(_store.Images.Single(), [use]));
        await _store.RemoveAsync(["docker.io/library/one:1"], () => [use], CancellationToken.None);
        Assert.All(image.Layers, layer => Assert.True(Directory.Exists(layer)));
    }

    [Fact]
    public async Task Collect_FullDisk_RemovesTheLongestUnusedFirstAndNothingInUse()
    {
        await ImportAsync(TestImage.DockerArchive([.. Enumerable.Range(0, 4).Select(i => Small($"i{i}:1", $"{i}"))]));
        var used = new ImageUse("main", "uid", Find("i2:1").Id, Find("i2:1").Layers);
        var now = TimeProvider.System.GetUtcNow();
        foreach (var (image, age) in _store.Images.Zip([30, 60, 90, 1])) File.SetLastWriteTimeUtc(_store.Blobs.Place(image.Manifest), now.AddMinutes(-age).UtcDateTime);
        var measured = new Queue<double>([90, 90, 86, 84]);
        double use = 84;
        var collector = new ImageCollector(_store, () => [used], new ImageLimits(), NullLogger.Instance, TimeProvider.System) { DiskUse = () => use = measured.Count > 0 ? measured.Dequeue() : use };
        Assert.Equal(["docker.io/library/i1:1", "docker.io/library/i0:1"], await collector.CollectAsync(CancellationToken.None));
        Assert.Equal(["docker.io/library/i2:1", "docker.io/library/i3:1"], _store.Images.Select(image => image.Name));
    }

    [Theory]
    [InlineData(84.9, 0)]
    [InlineData(85, 1)]
    public async Task Collect_BelowTheThreshold_RemovesNothing(double use, int removed)
    {
        await ImportAsync(TestImage.DockerArchive(Small("one:1")));
        File.SetLastWriteTimeUtc(_store.Blobs.Place(_store.Images.Single().Manifest), new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        var collector = new ImageCollector(_store, () => [], new ImageLimits(), NullLogger.Instance, TimeProvider.System) { DiskUse = () => use };
        Assert.Equal(removed, (await collector.CollectAsync(CancellationToken.None)).Count);
    }
}
