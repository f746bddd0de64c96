using System.Buffers.Binary;
using System.Net;
using System.Text;
using Fairlead.Doctor.Snapshot;

namespace Fairlead.Doctor.Observe;

/// <summary>A question for addresses and its answer, as they go over UDP (RFC 1035, section 4).</summary>
internal static class DnsMessage
{
    private const int HeaderSize = 12, TypeA = 1, TypeAlias = 5;
    private static readonly string[] Codes = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];

    internal static byte[] Question(ushort id, string name)
    {
        var message = new List<byte> { (byte)(id >> 8), (byte)id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0 };
        foreach (var label in name.TrimEnd('.').Split('.'))
        {
            var bytes = Encoding.ASCII.GetBytes(label);
            if (bytes.Length is 0 or > 63) throw new FormatException($"\"{name}\" is no DNS name");
            message.Add((byte)bytes.Length);
            message.AddRange(bytes);
        }
        message.AddRange([0, 0, TypeA, 0, 1]);
        return [.. message];
    }

    /// <summary>Null for what is no answer to the question.</summary>
    internal static DnsAnswer? Read(ReadOnlySpan<byte> message, ushort id, string name, TimeSpan took)
    {
        if (message.Length < HeaderSize || BinaryPrimitives.ReadUInt16BigEndian(message) != id || (message[2] & 0x80) == 0) return null;
        var code = message[3] & 0x0f;
        var text = code < Codes.Length ? Codes[code] : $"code {code}";
        if (code != 0) return new DnsAnswer(name, code == 3 ? DnsOutcome.NoSuchName : DnsOutcome.Failed, text, [], null, took);
        var addresses = new List<IPAddress>();
        string? alias = null;
        var at = HeaderSize;
        for (var questions = BinaryPrimitives.ReadUInt16BigEndian(message[4..]); questions > 0; questions--)
        {
            if (!SkipName(message, ref at) || (at += 4) > message.Length) return null;
        }
        for (var answers = BinaryPrimitives.ReadUInt16BigEndian(message[6..]); answers > 0; answers--)
        {
            if (!SkipName(message, ref at) || at + 10 > message.Length) return null;
            var type = BinaryPrimitives.ReadUInt16BigEndian(message[at..]);
            var length = BinaryPrimitives.ReadUInt16BigEndian(message[(at + 8)..]);
            at += 10;
            if (at + length > message.Length) return null;
            if (type == TypeA && length == 4) addresses.Add(new IPAddress(message.Slice(at, length)));
            else if (type == TypeAlias) alias ??= ReadName(message, at);
            at += length;
        }
        return new DnsAnswer(name, addresses.Count > 0 ? DnsOutcome.Answered : DnsOutcome.NoData, text, addresses, alias, took);
    }

    private static bool SkipName(ReadOnlySpan<byte> message, ref int at)
    {
        while (at < message.Length)
        {
            var length = message[at];
            if (length == 0) return ++at <= message.Length;
            if (length >= 0xc0) return (at += 2) <= message.Length;
            at += 1 + length;
        }
        return false;
    }

    private static string? ReadName(ReadOnlySpan<byte> message, int at)
    {
        var name = new StringBuilder();
        // Pointers lead back only; each step more than there are bytes is a loop.
        for (var steps = 0; steps < 128 && at < message.Length; steps++)
        {
            var length = message[at];
            if (length == 0) return name.ToString();
            if (length >= 0xc0)
            {
                if (at + 1 >= message.Length) return null;
                at = ((length & 0x3f) << 8) | message[at + 1];
                continue;
            }
            if (at + 1 + length > message.Length) return null;
            name.Append(name.Length == 0 ? "" : ".").Append(Encoding.ASCII.GetString(message.Slice(at + 1, length)));
            at += 1 + length;
        }
        return null;
    }
}
