using System.Text;

namespace Fairlead.Dns.Wire;

/// <summary>Names in wire form: each label after its length byte, then the root's zero. Keys are in lower case (RFC 4343).</summary>
internal static class DnsName
{
    /// <summary>From dotted text, in lower case; null when it is no name. A final dot makes no difference.</summary>
    internal static byte[]? Parse(string text)
    {
        string trimmed = text.EndsWith('.') ? text[..^1] : text;
        if (trimmed.Length == 0)
        {
            return [0];
        }
        var name = new List<byte>(trimmed.Length + 2);
        foreach (string label in trimmed.Split('.'))
        {
            if (label.Length is 0 or > Limits.Label || !Ascii.IsValid(label))
            {
                return null;
            }
            name.Add((byte)label.Length);
            name.AddRange(Encoding.ASCII.GetBytes(label));
        }
        name.Add(0);
        byte[] wire = [.. name];
        ToLower(wire, wire);
        return wire.Length <= Limits.Name ? wire : null;
    }

    /// <summary>The given labels, in lower case, before a name in wire form.</summary>
    internal static byte[] Prepend(ReadOnlySpan<byte> suffix, params ReadOnlySpan<string> labels)
    {
        int length = suffix.Length;
        foreach (string label in labels)
        {
            length += 1 + label.Length;
        }
        byte[] wire = new byte[length];
        int at = 0;
        foreach (string label in labels)
        {
            wire[at++] = (byte)label.Length;
            at += Encoding.ASCII.GetBytes(label, wire.AsSpan(at));
        }
        ToLower(wire.AsSpan(0, at), wire);
        suffix.CopyTo(wire.AsSpan(at));
        return wire;
    }

    /// <summary>Dotted text with its final dot, for logs and tests; bytes that are not printable as \DDD (RFC 4343 2.1).</summary>
    internal static string ToText(ReadOnlySpan<byte> name)
    {
        if (name is [0] or [])
        {
            return ".";
        }
        var text = new StringBuilder(name.Length);
        while (name is [> 0, ..])
        {
            foreach (byte letter in name.Slice(1, name[0]))
            {
                bool plain = letter is > 0x20 and < 0x7F and not (byte)'.' and not (byte)'\\';
                text.Append(plain ? $"{(char)letter}" : $"\\{letter:D3}");
            }
            text.Append('.');
            name = name[(1 + name[0])..];
        }
        return text.ToString();
    }

    /// <summary>Letters A–Z to lower case. Length bytes are below 64 and so never letters.</summary>
    internal static void ToLower(ReadOnlySpan<byte> from, Span<byte> to)
    {
        for (int i = 0; i < from.Length; i++)
        {
            byte value = from[i];
            to[i] = value is >= (byte)'A' and <= (byte)'Z' ? (byte)(value | 0x20) : value;
        }
    }
}
