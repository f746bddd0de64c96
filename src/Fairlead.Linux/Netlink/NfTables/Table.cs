namespace Fairlead.Linux.Netlink.NfTables;

/// <summary>What packets a table sees (NFPROTO_*).</summary>
public enum TableFamily : byte
{
    Inet = 1,
    IPv4 = 2,
    IPv6 = 10,
}

/// <summary>A table, the home of chains and sets.</summary>
public sealed record Table(TableFamily Family, string Name)
{
    public override string ToString() => $"{FamilyText} {Name}";

    private string FamilyText => Family switch
    {
        TableFamily.IPv4 => "ip",
        TableFamily.IPv6 => "ip6",
        _ => "inet",
    };
}
