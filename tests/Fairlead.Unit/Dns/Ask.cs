using System.Buffers.Binary;
using System.Net;
using System.Text;
using Fairlead.Dns.Wire;

namespace Fairlead.Unit.Dns;

/// <summary>Builds queries and reads responses, by other code than the server's where that is short.</summary>
internal static class Ask
{
    internal static byte[] Query(
        string name, RecordType type = RecordType.A, ushort id = 0x1234, ushort flags = HeaderFlags.RecursionDesired, ushort? edns = null, ushort dnsClass = 1)
    {
        var bytes = new List<byte>();
        foreach (ushort value in (ReadOnlySpan<ushort>)[id, flags, 1, 0, 0, (ushort)(edns is null ? 0 : 1)])
        {
            Add(value);
        }
        foreach (string label in name.TrimEnd('.').Split('.', StringSplitOptions.RemoveEmptyEntries))
        {
            bytes.Add((byte)label.Length);
            bytes.AddRange(Encoding.Latin1.GetBytes(label));
        }
        bytes.Add(0);
        Add((ushort)type);
        Add(dnsClass);
        if (edns is { } size)
        {
            bytes.AddRange([0, 0, 41, (byte)(size >> 8), (byte)size, 0, 0, 0, 0, 0, 0]);
        }
        return [.. bytes];

        void Add(ushort value) => bytes.AddRange([(byte)(value >> 8), (byte)value]);
    }

    /// <summary>A response as lines: the head first, then a line for each record: section owner TTL type data.</summary>
    internal static string[] Lines(ReadOnlySpan<byte> message) => [.. Read(message)];

    /// <summary>Reads a response, or nothing of none.</summary>
    internal static void TryRead(ReadOnlySpan<byte> message)
    {
        if (message.Length > 0)
        {
            Read(message);
        }
    }

    private static List<string> Read(ReadOnlySpan<byte> message)
    {
        var reader = new MessageReader(message);
        Check(reader.TryReadHeader(out Header header));
        string flags = (header.Flags & HeaderFlags.Authoritative) != 0 ? " aa" : "";
        flags += (header.Flags & HeaderFlags.Truncated) != 0 ? " tc" : "";
        var lines = new List<string> { $"{header.Code}{flags}" };
        Span<byte> name = stackalloc byte[Limits.Name];
        for (int i = 0; i < header.Questions; i++)
        {
            Check(reader.TryReadName(name, out int length) & reader.TryReadUInt16(out ushort type) & reader.TryReadUInt16(out _));
            lines.Add($"? {DnsName.ToText(name[..length])} {(RecordType)type}");
        }
        for (int i = 0; i < header.Answers + header.Authorities + header.Additionals; i++)
        {
            string section = i < header.Answers ? "answer" : i < header.Answers + header.Authorities ? "authority" : "additional";
            Check(reader.TryReadName(name, out int length) & reader.TryReadRecordHead(out RecordHead head));
            string owner = DnsName.ToText(name[..length]);
            string data = Data(message, ref reader, head);
            lines.Add(head.Type == RecordType.Opt ? $"opt {head.Class}" : $"{section} {owner} {head.TimeToLive} {head.Type} {data}");
        }
        Check(reader.Remaining == 0);
        return lines;
    }

    private static string Data(ReadOnlySpan<byte> message, ref MessageReader reader, RecordHead head)
    {
        int end = reader.Position + head.Length;
        ReadOnlySpan<byte> data = message[reader.Position..end];
        Span<byte> name = stackalloc byte[Limits.Name];
        string text;
        int length;
        switch (head.Type)
        {
            case RecordType.A or RecordType.Aaaa:
                text = new IPAddress(data).ToString();
                break;
            case RecordType.Cname or RecordType.NS or RecordType.Ptr:
                Check(reader.TryReadName(name, out length));
                text = DnsName.ToText(name[..length]);
                break;
            case RecordType.Srv:
                Check(reader.TrySkip(6));
                Check(reader.TryReadName(name, out length));
                text = $"{BinaryPrimitives.ReadUInt16BigEndian(data)} {BinaryPrimitives.ReadUInt16BigEndian(data[2..])} {BinaryPrimitives.ReadUInt16BigEndian(data[4..])} {DnsName.ToText(name[..length])}";
                break;
            case RecordType.Soa:
                Check(reader.TryReadName(name, out length));
                text = DnsName.ToText(name[..length]);
                Check(reader.TryReadName(name, out length));
                text += " " + DnsName.ToText(name[..length]);
                for (int i = 0; i < 5; i++)
                {
                    Check(reader.TryReadUInt32(out uint value));
                    text += $" {value}";
                }
                break;
            case RecordType.Txt or RecordType.Hinfo:
                text = Quoted(data[1..]);
                break;
            default:
                text = Convert.ToHexStringLower(data);
                break;
        }
        Check(reader.TrySkip(end - reader.Position));
        return text;
    }

    private static string Quoted(ReadOnlySpan<byte> text) => $"\"{Encoding.ASCII.GetString(text)}\"";

    private static void Check(bool read)
    {
        if (!read)
        {
            throw new InvalidDataException("the response cannot be read");
        }
    }
}
