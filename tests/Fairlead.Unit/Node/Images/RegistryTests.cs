using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Fairlead.Node.Images;
using Fairlead.Node.Images.Registry;
using Xunit;

namespace Fairlead.Unit.Node.Images;

public sealed class RegistryTests : IAsyncLifetime
{
    private readonly string _data = Directory.CreateTempSubdirectory("fairlead-pull-").FullName;
    private ScriptedRegistry _registry = null!;
    private ImageStore _store = null!;

    private static readonly TestImage Image = new(
        "app:1", new JsonObject { ["Cmd"] = new JsonArray("/run") },
        new TestLayer().File("one", Noise(300_000, 1)).ToArray(), new TestLayer().File("two", Noise(200_000, 2)).ToArray());

    public async ValueTask InitializeAsync()
    {
        _registry = await ScriptedRegistry.StartAsync();
        _store = new ImageStore($"{_data}/images", TimeProvider.System);
        _registry.Put("team/app", "1", Image, TestImage.Gzip);
    }

    public async ValueTask DisposeAsync()
    {
        await _registry.DisposeAsync();
        Directory.Delete(_data, recursive: true);
    }

    private static byte[] Noise(int length, int seed)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private Task<NamedImage> PullAsync(string? name = null, params RegistryCredential[] credentials) =>
        new RegistryPull(_store).RunAsync(ImageReference.TryParse(name ?? $"{_registry.Host}/team/app:1")!, credentials, null, CancellationToken.None);

    private async Task<string> FailAsync(string? name = null, params RegistryCredential[] credentials) =>
        (await Assert.ThrowsAsync<ImageException>(() => PullAsync(name, credentials))).Message;

    [Fact]
    public async Task Pull_Image_IsWholeAndKnownByItsDigest()
    {
        var pulled = await PullAsync();
        Assert.True(_store.TryFind(ImageReference.TryParse($"{_registry.Host}/team/app:1")!, out var image));
        Assert.Equal(Noise(300_000, 1), File.ReadAllBytes($"{image.Layers[1]}/one"));
        Assert.Equal($"{_registry.Host}/team/app@{pulled.RegistryDigest}", image.Id);
        Assert.True(_store.TryFind(ImageReference.TryParse(image.Id)!, out _));
    }

    [Fact]
    public async Task Pull_Again_FetchesTheManifestOnly()
    {
        await PullAsync();
        _registry.Requests.Clear();
        await PullAsync();
        Assert.Equal(["GET /v2/team/app/manifests/1"], _registry.Requests);
    }

    [Fact]
    public async Task Pull_OfSeveralPlatforms_TakesThisMachines()
    {
        var (manifest, _) = Image.Manifest(TestImage.Gzip);
        var mine = TestImage.Descriptor("application/vnd.oci.image.manifest.v1+json", manifest);
        mine["platform"] = new JsonObject { ["os"] = "linux", ["architecture"] = PlatformChoice.Architecture };
        var other = TestImage.Descriptor("application/vnd.oci.image.manifest.v1+json", [1]);
        other["platform"] = new JsonObject { ["os"] = "linux", ["architecture"] = "s390x" };
        var index = Encoding.UTF8.GetBytes(new JsonObject { ["schemaVersion"] = 2, ["manifests"] = new JsonArray(other, mine) }.ToJsonString());
        _registry.Content["team/app/manifests/multi"] = ("application/vnd.oci.image.index.v1+json", index);
        var pulled = await PullAsync($"{_registry.Host}/team/app:multi");
        Assert.Equal((TestImage.Digest(manifest), TestImage.Digest(index)), (pulled.Manifest, pulled.RegistryDigest));

        var foreign = Encoding.UTF8.GetBytes(new JsonObject { ["schemaVersion"] = 2, ["manifests"] = new JsonArray(other.DeepClone()) }.ToJsonString());
        _registry.Content["team/app/manifests/foreign"] = ("application/vnd.oci.image.index.v1+json", foreign);
        Assert.Contains("linux/s390x", await FailAsync($"{_registry.Host}/team/app:foreign"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Pull_CutOff_GoesOn(bool ignoresRanges)
    {
        _registry.CutAfter = ignoresRanges ? 400_000 : 70_000;
        _registry.IgnoresRanges = ignoresRanges;
        await PullAsync();
        Assert.Equal(!ignoresRanges, _registry.Requests.Any(request => request.EndsWith("bytes=70000-", StringComparison.Ordinal)));
        Assert.Empty(Directory.GetFiles(_store.Blobs.Partial));
    }

    [Fact]
    public async Task Pull_LeftHalfDone_GoesOnWhereItWas()
    {
        var (_, blobs) = Image.Manifest(TestImage.Gzip);
        var (digest, content) = blobs.MaxBy(blob => blob.Value.Length);
        _store.CreateFolders();
        File.WriteAllBytes($"{_store.Blobs.Partial}/{digest[7..]}", content[..1000]);
        await PullAsync();
        Assert.Contains($"GET /v2/team/app/blobs/{digest} bytes=1000-", _registry.Requests);
    }

    [Fact]
    public async Task Pull_WrongContent_IsRefusedAndNotKept()
    {
        var (_, blobs) = Image.Manifest(TestImage.Gzip);
        var (digest, content) = blobs.MaxBy(blob => blob.Value.Length);
        _registry.Content[$"team/app/blobs/{digest}"] = ("application/octet-stream", [.. content[..^1], (byte)(content[^1] ^ 1)]);
        Assert.Contains(digest, await FailAsync(), StringComparison.Ordinal);
        Assert.False(_store.Blobs.Has(digest));
        Assert.Empty(_store.Images);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Pull_WithCredentials_Authorizes(bool byBasic)
    {
        (_registry.User, _registry.ByBasic) = ("me:secret", byBasic);
        Assert.Contains(byBasic ? "pull access denied" : "failed to fetch anonymous token", await FailAsync(), StringComparison.Ordinal);
        await FailAsync(null, new RegistryCredential(_registry.Host, "me", "wrong"));
        await PullAsync(null, new RegistryCredential(_registry.Host, "me", "wrong"), new RegistryCredential($"{_registry.Host}/team", "me", "secret"));
    }

    [Fact]
    public async Task Pull_OfWhatIsNotThere_SaysSo()
    {
        Assert.Equal(
            $"failed to pull and unpack image \"{_registry.Host}/none:1\": failed to resolve reference \"{_registry.Host}/none:1\": {_registry.Host}/none:1: not found",
            await FailAsync($"{_registry.Host}/none:1"));
    }

    [Fact]
    public async Task Pull_FromWhoNeverAnswers_IsGivenUp()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        var pull = new RegistryPull(_store) { LongestSilence = TimeSpan.FromMilliseconds(300) };

        var failure = await Assert.ThrowsAsync<ImageException>(() => pull.RunAsync(ImageReference.TryParse($"{silent.LocalEndpoint}/team/app:1")!, [], null, CancellationToken.None));

        Assert.EndsWith($"failed to do request: Get \"http://{silent.LocalEndpoint}/v2/team/app/manifests/1\": net/http: timeout awaiting response headers", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pull_ByAMirror_KeepsTheName()
    {
        _store.CreateFolders();
        RegistrySettings.Parse([$"unreachable.invalid=http://{_registry.Host}"], []).Settings!.Write(_store.Root);
        Assert.Equal("unreachable.invalid/team/app:1", (await PullAsync("unreachable.invalid/team/app:1")).Name);
    }

    [Fact]
    public async Task Pull_TwoNodesAtOnce_FetchEachBlobOnce()
    {
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => new RegistryPull(new ImageStore(_store.Root, TimeProvider.System))
            .RunAsync(ImageReference.TryParse($"{_registry.Host}/team/app:1")!, [], null, CancellationToken.None)));
        var blobs = _registry.Requests.Where(request => request.Contains("/blobs/", StringComparison.Ordinal)).ToList();
        Assert.Equal(3, blobs.Count);
        Assert.Distinct(blobs);
    }
}
