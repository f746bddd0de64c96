using System.Runtime.InteropServices;
using CsCheck;
using Fairlead.Linux;
using Fairlead.Linux.Mounts;
using Fairlead.Linux.Netlink;
using Xunit;

namespace Fairlead.Unit.Linux.Netlink;

public sealed class NetlinkReaderTests
{
    [Fact]
    public void Read_AnyBytes_EndsWithoutReachingOutOfThem() => Gen.Byte.Array[0, 256].Sample(
        bytes =>
        {
            // A plausible length in front makes more than the first check run.
            if (bytes.Length >= 16)
            {
                MemoryMarshal.Write(bytes.AsSpan(), (uint)(bytes.Length - (bytes[0] & 3)));
                bytes[17 % bytes.Length] = 0;
            }
            ReadOnlySpan<byte> rest = bytes;
            int messages = 0;
            while (NetlinkMessage.TryRead(ref rest, out NetlinkMessage message))
            {
                messages++;
                _ = message.ReadError(out _);
                Walk(message.Attributes(4), depth: 0);
            }
            Assert.True(messages <= bytes.Length / 16);
        },
        iter: 20_000);

    [Fact]
    public void Write_NestedAttributes_AreReadBack()
    {
        var buffer = new MessageBuffer(8);
        buffer.Begin(7, NetlinkFlags.Acknowledge, 42);
        using (buffer.Nest(1))
        {
            buffer.Text(2, "abc");
            buffer.UInt64Network(3, 5);
        }
        buffer.Byte(4, 9);
        buffer.End();
        ReadOnlySpan<byte> bytes = buffer.Written;
        Assert.True(NetlinkMessage.TryRead(ref bytes, out NetlinkMessage message));
        Assert.True(bytes.IsEmpty);
        Assert.Equal((7, 42u), (message.Type, message.Sequence));
        var seen = new List<string>();
        foreach (Fairlead.Linux.Netlink.Attribute attribute in message.Attributes(0))
        {
            seen.Add($"{attribute.Type}:{attribute.Value.Length}");
            foreach (Fairlead.Linux.Netlink.Attribute inner in attribute.Nested)
            {
                seen.Add(inner.Type == 2 ? inner.Text() : $"{inner.UInt64Network()}");
            }
        }
        Assert.Equal(["1:20", "abc", "5", "4:1"], seen);
    }

    [Fact]
    public void Begin_BeforeEnd_Throws()
    {
        var buffer = new MessageBuffer();
        buffer.Begin(1, NetlinkFlags.None);
        Assert.Throws<InvalidOperationException>(() => buffer.Begin(1, NetlinkFlags.None));
    }

    [Fact]
    public void Open_UnknownFamily_NamesTheErrno() =>
        Assert.True(Assert.Throws<LinuxException>(() => NetlinkSocket.Open(31)).Errno != Errno.None);

    [Fact]
    public void MountTable_MalformedLines_AreSkipped() =>
        Assert.Empty(MountTable.Parse(["", "1 2", "22 1 0:21 / /a rw -", "22 1 0:21 / /a\\040b rw - tmpfs"], "/"));

    private static void Walk(AttributeReader attributes, int depth)
    {
        foreach (Fairlead.Linux.Netlink.Attribute attribute in attributes)
        {
            _ = attribute.Text();
            _ = attribute.UInt32();
            _ = attribute.Address();
            if (depth < 8)
            {
                Walk(attribute.Nested, depth + 1);
            }
        }
    }
}
