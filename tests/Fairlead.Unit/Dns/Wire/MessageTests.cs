using Fairlead.Dns.Wire;
using Xunit;

namespace Fairlead.Unit.Dns.Wire;

public sealed class MessageTests
{
    [Fact]
    public void WriteName_SuffixesThatStandAlready_BecomePointers()
    {
        byte[] buffer = new byte[256];
        var writer = new MessageWriter(buffer, stackalloc ushort[16]);
        writer.WriteHeader(default);
        writer.WriteName(DnsName.Parse("web.default.svc.cluster.local")!);
        int first = writer.Position;
        writer.WriteName(DnsName.Parse("db.default.svc.cluster.local")!);
        Assert.Equal(3 + 2, writer.Position - first);
        writer.WriteName(DnsName.Parse("default.svc.cluster.local")!);
        Assert.Equal(3 + 2 + 2, writer.Position - first);
        writer.WriteName([0]);
        writer.WriteName(DnsName.Parse("local.db.default.svc.cluster.local")!);

        var reader = new MessageReader(buffer.AsSpan(0, writer.Position));
        Assert.True(reader.TrySkip(Limits.Header));
        var names = new List<string>();
        byte[] name = new byte[Limits.Name];
        while (reader.Remaining > 0)
        {
            Assert.True(reader.TryReadName(name, out int length));
            names.Add(DnsName.ToText(name.AsSpan(0, length)));
        }
        Assert.Equal(
            ["web.default.svc.cluster.local.", "db.default.svc.cluster.local.", "default.svc.cluster.local.", ".", "local.db.default.svc.cluster.local."],
            names);
    }

    [Fact]
    public void WriteName_OtherCase_IsNotPointedAt()
    {
        var writer = new MessageWriter(new byte[64], stackalloc ushort[16]);
        writer.WriteName([1, (byte)'a', 0]);
        writer.WriteName([1, (byte)'A', 0]);
        Assert.Equal(6, writer.Position);
    }

    [Fact]
    public void Write_TooMuch_OverflowsAndRewinds()
    {
        byte[] buffer = new byte[20];
        var writer = new MessageWriter(buffer, stackalloc ushort[16]);
        writer.WriteHeader(default);
        writer.WriteName(DnsName.Parse("abc")!);
        int kept = writer.Position;
        writer.WriteName(DnsName.Parse("def.abc")!);
        Assert.True(writer.Overflowed);
        writer.Rewind(kept);
        writer.WriteUInt16(1);
        Assert.False(writer.Overflowed);
        Assert.Equal(kept + 2, writer.Position);
    }

    [Theory]
    [InlineData(new byte[] { 0xC0, 14, 0xC0, 12 })]
    [InlineData(new byte[] { 0xC0, 12 })]
    [InlineData(new byte[] { 0xC0 })]
    [InlineData(new byte[] { 1, (byte)'a', 0xC0, 12 })]
    [InlineData(new byte[] { 0xC0, 4 })]
    [InlineData(new byte[] { 63 })]
    [InlineData(new byte[] { 0x80, 0 })]
    public void TryReadName_PointersThatLeadNowhere_AreRefused(byte[] name)
    {
        var reader = new MessageReader([.. new byte[12], .. name]);
        Assert.True(reader.TrySkip(12));
        Assert.False(reader.TryReadName(new byte[Limits.Name], out _));
    }

    [Theory]
    [InlineData("a.b", "a.b.")]
    [InlineData("A.B.", "a.b.")]
    [InlineData("", ".")]
    [InlineData("a..b", null)]
    [InlineData("ä", null)]
    public void Parse_Text_IsAName(string text, string? expected) =>
        Assert.Equal(expected, DnsName.Parse(text) is { } name ? DnsName.ToText(name) : null);
}
