using System.Buffers;

namespace Fairlead.Ingress.Proxy.Lean.Wire;

/// <summary>Where a field is in its head: offsets from the head's first byte.</summary>
internal readonly record struct HeadField(FieldKind Kind, int Name, int NameLength, int Value, int ValueLength);

/// <summary>The header fields of a head (RFC 9112, section 5), checked. Used again and again.</summary>
internal sealed class HeadFields
{
    internal const int Most = 100;
    private static readonly SearchValues<byte> NameBytes = SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);
    private static readonly SearchValues<byte> BadValueBytes = SearchValues.Create(
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 127]);
    private readonly HeadField[] _all = new HeadField[Most];

    internal int Count { get; private set; }

    /// <summary>A bit for each kind that is there.</summary>
    internal ulong Kinds { get; private set; }

    internal ReadOnlySpan<HeadField> All => _all.AsSpan(0, Count);

    internal bool Has(FieldKind kind) => (Kinds & FieldKinds.Bit(kind)) != 0;

    internal void Clear() => (Count, Kinds) = (0, 0);

    /// <summary>The first field of a kind, which is there.</summary>
    internal HeadField First(FieldKind kind)
    {
        foreach (ref readonly var field in All)
        {
            if (field.Kind == kind) return field;
        }
        return default;
    }

    internal bool IsSingle(FieldKind kind)
    {
        var count = 0;
        foreach (ref readonly var field in All)
        {
            if (field.Kind == kind) count++;
        }
        return count == 1;
    }

    /// <summary>Takes one line, without its end. 0, or the status that refuses it.</summary>
    /// <param name="at">Of the line in its head.</param>
    internal int Add(ReadOnlySpan<byte> line, int at)
    {
        var colon = line.IndexOfAnyExcept(NameBytes);
        // A line that begins with a space would continue the one before it, a space before the colon hides a name from others (sections 5.1, 5.2).
        if (colon <= 0 || line[colon] != ':') return 400;
        if (Count == Most) return 431;
        var start = colon + 1;
        var end = line.Length;
        while (start < end && line[start] is (byte)' ' or (byte)'\t') start++;
        while (end > start && line[end - 1] is (byte)' ' or (byte)'\t') end--;
        if (line[start..end].ContainsAny(BadValueBytes)) return 400;
        var kind = FieldKinds.Of(line[..colon]);
        _all[Count++] = new HeadField(kind, at, colon, at + start, end - start);
        Kinds |= FieldKinds.Bit(kind);
        return 0;
    }

    /// <summary>What a Connection field names besides the usual belongs to this hop, too.</summary>
    /// <param name="head">That the fields are of.</param>
    /// <param name="close">The connection is not to be used again.</param>
    internal void ReadConnection(ReadOnlySpan<byte> head, ref bool close, ref bool keep)
    {
        for (var i = 0; i < Count; i++)
        {
            if (_all[i].Kind != FieldKind.Connection) continue;
            var value = head.Slice(_all[i].Value, _all[i].ValueLength);
            foreach (var range in value.Split((byte)','))
            {
                var option = value[range].Trim(" \t"u8);
                if (System.Text.Ascii.EqualsIgnoreCase(option, "close"u8)) close = true;
                else if (System.Text.Ascii.EqualsIgnoreCase(option, "keep-alive"u8)) keep = true;
                else if (!option.IsEmpty) Drop(head, option);
            }
        }
    }

    /// <summary>A length as RFC 9110, section 8.6, has it: digits only, said once. Below zero for anything else.</summary>
    internal long Length(ReadOnlySpan<byte> head)
    {
        if (!IsSingle(FieldKind.ContentLength)) return -1;
        var field = First(FieldKind.ContentLength);
        var digits = head.Slice(field.Value, field.ValueLength);
        if (digits.IsEmpty || digits.Length > 18 || digits.ContainsAnyExceptInRange((byte)'0', (byte)'9')) return -1;
        long length = 0;
        foreach (var digit in digits) length = (length * 10) + (digit - '0');
        return length;
    }

    /// <summary>Whether the one transfer coding is chunked.</summary>
    internal bool IsChunked(ReadOnlySpan<byte> head)
    {
        if (!IsSingle(FieldKind.TransferEncoding)) return false;
        var field = First(FieldKind.TransferEncoding);
        return System.Text.Ascii.EqualsIgnoreCase(head.Slice(field.Value, field.ValueLength), "chunked"u8);
    }

    private void Drop(ReadOnlySpan<byte> head, ReadOnlySpan<byte> name)
    {
        for (var i = 0; i < Count; i++)
        {
            // What frames the message or names its host cannot be dropped by naming it.
            if (_all[i].Kind is FieldKind.Host or FieldKind.ContentLength or FieldKind.TransferEncoding or FieldKind.Upgrade) continue;
            if (System.Text.Ascii.EqualsIgnoreCase(head.Slice(_all[i].Name, _all[i].NameLength), name)) _all[i] = _all[i] with { Kind = FieldKind.Dropped };
        }
    }
}
