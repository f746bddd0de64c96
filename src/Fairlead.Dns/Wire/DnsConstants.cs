namespace Fairlead.Dns.Wire;

/// <summary>Record types by their numbers (IANA "DNS Parameters").</summary>
internal enum RecordType : ushort
{
    None = 0,
    A = 1,
    NS = 2,
    Cname = 5,
    Soa = 6,
    Ptr = 12,
    Hinfo = 13,
    MX = 15,
    Txt = 16,
    Aaaa = 28,
    Srv = 33,
    Opt = 41,
    Ixfr = 251,
    Axfr = 252,
    MailB = 253,
    MailA = 254,
    Any = 255,
}

/// <summary>Response codes (RFC 1035 4.1.1; from 16 on RFC 6891 9).</summary>
internal enum ResponseCode : byte
{
    NoError = 0,
    FormatError = 1,
    ServerFailure = 2,
    NoSuchName = 3,
    NotImplemented = 4,
    Refused = 5,
    BadVersion = 16,
}

/// <summary>The header's 16 flag bits (RFC 1035 4.1.1; AD and CD: RFC 4035 3).</summary>
internal static class HeaderFlags
{
    internal const ushort Response = 0x8000;
    internal const ushort OpcodeMask = 0x7800;
    internal const ushort Authoritative = 0x0400;
    internal const ushort Truncated = 0x0200;
    internal const ushort RecursionDesired = 0x0100;
    internal const ushort RecursionAvailable = 0x0080;
    internal const ushort AuthenticData = 0x0020;
    internal const ushort CheckingDisabled = 0x0010;
    internal const ushort CodeMask = 0x000F;
}

internal static class Limits
{
    internal const int Header = 12;

    /// <summary>A name with its length bytes and the root's zero (RFC 1035 2.3.4).</summary>
    internal const int Name = 255;

    internal const int Label = 63;

    /// <summary>Labels that fit a name, without the root.</summary>
    internal const int Labels = 127;

    /// <summary>UDP without EDNS0 (RFC 1035 2.3.4).</summary>
    internal const int PlainUdp = 512;

    /// <summary>What crosses any path unfragmented (DNS Flag Day 2020), and so what is told and sent at most over UDP.</summary>
    internal const int EdnsUdp = 1232;

    internal const int Message = 65535;

    internal const ushort InternetClass = 1;
    internal const ushort AnyClass = 255;
}
