using System.Net;
using System.Text;
using Fairlead.Node.Network;
using Fairlead.Node.Runtime.Oci;
using Fairlead.Node.Streaming;
using Fairlead.Node.Volumes;
using Xunit;

namespace Fairlead.Unit.Node;

public sealed class FilesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ut-node-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void AddressPool_Reopened_GivesNoAddressTwice()
    {
        var network = IPNetwork.Parse("10.9.0.0/29");
        var pool = new AddressPool(_folder, network);
        Assert.Equal(["10.9.0.2", "10.9.0.3", "10.9.0.2"], new[] { "a", "b", "a" }.Select(uid => pool.Allocate(uid).ToString()));
        pool.Release("a");
        var again = new AddressPool(_folder, network);
        Assert.Equal(["10.9.0.4", "10.9.0.5", "10.9.0.6", "10.9.0.2"], new[] { "c", "d", "e", "f" }.Select(uid => again.Allocate(uid).ToString()));
        Assert.Throws<InvalidOperationException>(() => again.Allocate("g"));
    }

    [Fact]
    public void VolumeFiles_WrittenAgain_SwapWhole()
    {
        VolumeFiles.Write(_folder, [new("a", "1"u8.ToArray(), 0x1A4), new("sub/b", "2"u8.ToArray(), 0x180)]);
        Assert.Equal("1", File.ReadAllText($"{_folder}/a"));
        Assert.Equal("2", File.ReadAllText($"{_folder}/sub/b"));
        VolumeFiles.Write(_folder, [new("a", "3"u8.ToArray(), 0x1A4)]);
        Assert.Equal("3", File.ReadAllText($"{_folder}/a"));
        Assert.Equal(["..data", "a"], Directory.EnumerateFileSystemEntries(_folder).Select(Path.GetFileName).Where(name => name!.Length < 30).Order());
        Assert.Single(Directory.EnumerateDirectories(_folder), path => new DirectoryInfo(path).LinkTarget is null);
    }

    [Theory]
    [InlineData("{\"pid\": 12}", 12, null)]
    [InlineData("{\"data\": -1, \"message\": \"no\"}", -1, "no")]
    [InlineData("rubbish", -1, "rubbish")]
    public void ConmonReport_Parse_GivesNumberOrWords(string line, int number, string? message) => Assert.Equal((number, message), ConmonReport.Parse(line));

    [Fact]
    public void CriLog_PartialLines_AreJoined()
    {
        var format = new CriLogFormat(new LogOptions { Timestamps = true });
        var output = new MemoryStream();
        foreach (var line in (string[])["2026-01-01T00:00:00.000000001+00:00 stdout P one ", "2026-01-01T00:00:00.000000002+00:00 stdout F two", "2026-01-01T00:00:01.000000000+00:00 stderr F "])
            format.Append(Encoding.UTF8.GetBytes(line), output);
        Assert.Equal("2026-01-01T00:00:00.000000001Z one two\n2026-01-01T00:00:01.000000000Z \n", Encoding.UTF8.GetString(output.ToArray()));
    }

    [Theory]
    [InlineData("{\"Width\":80,\"Height\":24}", true, 80, 24)]
    [InlineData("{\"Height\":24}", false, 0, 24)]
    [InlineData("{\"Width\":\"a\"}", false, 0, 0)]
    [InlineData("nonsense", false, 0, 0)]
    public void Resize_Parse_TakesBothSides(string json, bool ok, int width, int height)
    {
        Assert.Equal(ok, ExecStream.TryParseSize(Encoding.UTF8.GetBytes(json), out var columns, out var rows));
        Assert.Equal((width, height), (columns, rows));
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("v5.channel.k8s.io v4.channel.k8s.io", "v5.channel.k8s.io")]
    [InlineData("other v4.base64.channel.k8s.io", "v4.base64.channel.k8s.io")]
    [InlineData("other", null)]
    public void ChannelProtocol_Choose_TakesTheClientsFirstKnown(string asked, string? expected) =>
        Assert.Equal(expected, ChannelProtocol.Choose(asked.Split(' ', StringSplitOptions.RemoveEmptyEntries))?.Name);
}
