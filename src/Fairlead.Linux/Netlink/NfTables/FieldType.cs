namespace Fairlead.Linux.Netlink.NfTables;

/// <summary>Types of a set's fields; the numbers are those that nft keeps in the kernel, so that `nft list` prints our sets.</summary>
public enum FieldType
{
    IPv4Address = 7,
    IPv6Address = 8,
    Protocol = 12,
    Port = 13,
    Mark = 19,
}

internal static class FieldTypes
{
    internal static int Bytes(this FieldType type) => type switch
    {
        FieldType.IPv6Address => 16,
        FieldType.Protocol => 1,
        FieldType.Port => 2,
        _ => 4,
    };

    /// <summary>Bytes in a register or a concatenation: fields start at multiples of four.</summary>
    internal static int PaddedBytes(this FieldType type) => (type.Bytes() + 3) & ~3;

    internal static string Text(this FieldType type) => type switch
    {
        FieldType.IPv4Address => "ipv4_addr",
        FieldType.IPv6Address => "ipv6_addr",
        FieldType.Protocol => "inet_proto",
        FieldType.Port => "inet_service",
        _ => "mark",
    };

    internal static string Text(IEnumerable<FieldType> types) => string.Join(" . ", types.Select(Text));

    /// <summary>A concatenation's length; a single field is not padded.</summary>
    internal static int Length(IReadOnlyList<FieldType> types) =>
        types.Count == 1 ? types[0].Bytes() : types.Sum(type => type.PaddedBytes());

    /// <summary>nft's number for a concatenation: six bits a field.</summary>
    internal static uint Number(IReadOnlyList<FieldType> types) =>
        types.Aggregate(0u, (number, type) => (number << 6) | (uint)type);

    internal static FieldType[] FromNumber(uint number)
    {
        var types = new Stack<FieldType>();
        for (; number != 0; number >>= 6)
        {
            types.Push((FieldType)(number & 63));
        }
        return [.. types];
    }
}
