using System.Runtime.CompilerServices;

namespace Fairlead.Dns.Zone;

internal enum ZoneVerdict
{
    /// <summary>Somebody else's name: to be forwarded.</summary>
    NotOurs,

    /// <summary>NXDOMAIN.</summary>
    NoSuchName,

    /// <summary>The name exists, without records of this type (RFC 2308 2.2).</summary>
    NoData,

    /// <summary>Records to copy.</summary>
    Records,

    /// <summary>One address, spelled by the name itself.</summary>
    Address,

    /// <summary>The zone's SOA is the answer.</summary>
    Authority,

    /// <summary>An alias whose target is to be resolved further.</summary>
    Alias,
}

/// <summary>What the zone says to one question. Lies on the stack.</summary>
internal ref struct ZoneAnswer
{
    [InlineArray(16)]
    internal struct AddressBytes
    {
        private byte _first;
    }

    internal ZoneVerdict Verdict;

    /// <summary>For <see cref="ZoneVerdict.Records"/> and <see cref="ZoneVerdict.Alias"/>.</summary>
    internal RecordSet? Records;

    /// <summary>In wire form, for <see cref="ZoneVerdict.Alias"/>.</summary>
    internal byte[]? AliasTarget;

    internal AddressBytes Address;
    internal int AddressLength;

    /// <summary>The label of the question's name at which the zone begins, which owns the SOA.</summary>
    internal int ZoneLabel;
}
