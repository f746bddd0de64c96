using System.Text;
using Fairlead.Linux.Files;
using Fairlead.Node.Images.Archives;
using Xunit;

namespace Fairlead.Unit.Node.Images;

/// <summary>Layers on the real file system, as root.</summary>
public sealed class LayerTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fairlead-layer-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Unpack_OwnersModesTimesLinksAttributes_AreKept()
    {
        Unpack(new TestLayer().Folder("d", 0b101_000_000_000 | 0b111_000_000, user: 7).File("d/f", "text", 0b100_111_101_101, user: 8, ("security.capability", "\u0001\0\0\u0002\0 \0\0\0\0\0\0\0\0\0\0\0\0\0\0"))
            .Link("d/s", "/etc/passwd").HardLink("h", "d/f"));
        Assert.Equal("text", File.ReadAllText(Path("h")));
        Assert.Equal("/etc/passwd", new FileInfo(Path("d/s")).LinkTarget);
        Assert.Equal("8:8:4755:1577934245:2", Stat("d/f"));
        Assert.Equal("7:7:5700:1577934245", Stat("d")[..^2]);
        Assert.Equal(20, FileNode.GetAttribute(Path("d/f"), "security.capability")!.Length);
    }

    [Fact]
    public void Unpack_Whiteouts_AreOverlaysForm()
    {
        Unpack(new TestLayer().Folder("a").File("a/.wh.gone").Folder("b").File("b/.wh..wh..opq").File("b/x").File(".wh..wh.plnk"));
        Assert.Equal("character special file 0 0", Run("stat", "-c", "%F %t %T", Path("a/gone")));
        Assert.Equal("y"u8.ToArray(), FileNode.GetAttribute(Path("b"), "trusted.overlay.opaque"));
        Assert.Null(FileNode.GetAttribute(Path("a"), "trusted.overlay.opaque"));
        Assert.Equal(["a", "b"], Directory.EnumerateFileSystemEntries(_folder).Select(System.IO.Path.GetFileName).Order());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Unpack_RemovedAndMadeAgain_IsThereAndHidesWhatWasBeneath(bool removalFirst)
    {
        var layer = new TestLayer();
        if (removalFirst) layer.File(".wh.d").File(".wh.f");
        layer.Folder("d").File("d/new").File("f", "new");
        if (!removalFirst) layer.File(".wh.d").File(".wh.f");
        Unpack(layer);
        Assert.Equal("y"u8.ToArray(), FileNode.GetAttribute(Path("d"), "trusted.overlay.opaque"));
        Assert.True(File.Exists(Path("d/new")));
        Assert.Equal("new", File.ReadAllText(Path("f")));
    }

    [Theory]
    [InlineData("../escaped")]
    [InlineData("a/../../escaped")]
    [InlineData("a/.wh...")]
    public void Unpack_PathOutOfTheLayer_IsRefused(string path)
    {
        Assert.Throws<InvalidDataException>(() => Unpack(new TestLayer().File(path, "x")));
        Assert.False(File.Exists($"{System.IO.Path.GetDirectoryName(_folder)}/escaped"));
    }

    [Theory]
    [InlineData("/")]
    [InlineData("../../../../../../..")]
    public void Unpack_ThroughALinkOutOfTheLayer_StaysInside(string target)
    {
        var name = $"fairlead-escape-{Guid.NewGuid():N}";
        Unpack(new TestLayer().Link("out", target).File($"out/tmp/{name}", "x").HardLink("copy", $"out/tmp/{name}"));
        Assert.False(File.Exists($"/tmp/{name}"));
        Assert.Equal("x", File.ReadAllText(Path($"tmp/{name}")));
        Assert.Equal("x", File.ReadAllText(Path("copy")));
    }

    [Fact]
    public void Unpack_HardLinkOut_IsRefused()
    {
        Assert.Throws<InvalidDataException>(() => Unpack(new TestLayer().HardLink("stolen", "../../../../etc/shadow")));
        Assert.ThrowsAny<IOException>(() => Unpack(new TestLayer().HardLink("stolen", "/etc/shadow")));
        Assert.False(File.Exists(Path("stolen")));
    }

    [Fact]
    public void Unpack_FileOverALink_ReplacesTheLink()
    {
        var outside = System.IO.Path.GetTempFileName();
        Unpack(new TestLayer().Link("f", outside).File("f", "inside"));
        Assert.Equal("", File.ReadAllText(outside));
        Assert.Equal("inside", File.ReadAllText(Path("f")));
        Assert.Null(new FileInfo(Path("f")).LinkTarget);
        File.Delete(outside);
    }

    [Fact]
    public void Unpack_LinksInCircles_IsRefused() =>
        Assert.Throws<InvalidDataException>(() => Unpack(new TestLayer().Link("a", "b").Link("b", "a").File("a/f", "x")));

    [Theory]
    [InlineData(100)]
    [InlineData(700)]
    [InlineData(1000)]
    public void Unpack_BrokenOff_IsRefused(int length)
    {
        var whole = new TestLayer().File("f", new string('x', 2000)).ToArray();
        Assert.Throws<InvalidDataException>(() => new LayerUnpacker(_folder).Unpack(new MemoryStream(whole[..length]), CancellationToken.None));
    }

    [Fact]
    public void Unpack_Noise_IsRefused()
    {
        var random = new Random(7);
        for (var i = 0; i < 200; i++)
        {
            var noise = new byte[1024];
            random.NextBytes(noise);
            Assert.Throws<InvalidDataException>(() => new LayerUnpacker(_folder).Unpack(new MemoryStream(noise), CancellationToken.None));
        }
    }

    [Theory]
    [InlineData("gnu")]
    [InlineData("posix")]
    [InlineData("ustar")]
    [InlineData("v7")]
    public void Unpack_WhatTarWrites_IsTheSame(string format)
    {
        var source = Directory.CreateTempSubdirectory("fairlead-tar-").FullName;
        var deep = string.Join('/', Enumerable.Repeat("folder-name", format is "v7" ? 6 : 12));
        Directory.CreateDirectory($"{source}/{deep}");
        File.WriteAllText($"{source}/{deep}/file", "deep");
        if (format is "gnu" or "posix") File.WriteAllText($"{source}/{new string('n', 200)}", "long");
        Run("tar", "--format", format, "-cf", $"{source}.tar", "-C", source, ".");
        using (var tar = File.OpenRead($"{source}.tar")) new LayerUnpacker(_folder).Unpack(tar, CancellationToken.None);
        Assert.Equal("", Run("diff", "-r", source, _folder));
        Directory.Delete(source, recursive: true);
        File.Delete($"{source}.tar");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Compression_OfEachKind_IsUndone(int kind)
    {
        var data = Encoding.UTF8.GetBytes(string.Join(',', Enumerable.Range(0, 5000)));
        var packed = kind == 0 ? data : kind == 1 ? TestImage.Gzip(data) : TestImage.Zstd(data);
        using var plain = Compression.Open(new MemoryStream(packed));
        var output = new MemoryStream();
        plain.CopyTo(output);
        Assert.Equal(data, output.ToArray());
    }

    private void Unpack(TestLayer layer) => new LayerUnpacker(_folder).Unpack(new MemoryStream(layer.ToArray()), CancellationToken.None);

    private string Path(string below) => $"{_folder}/{below}";

    private string Stat(string below) => Run("stat", "-c", "%u:%g:%a:%Y:%h", Path(below));

    private static string Run(string program, params string[] arguments)
    {
        using var process = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return output.Trim();
    }
}
