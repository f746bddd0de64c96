using System.Net.NetworkInformation;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>A network interface as the kernel reports it.</summary>
public sealed record Link
{
    public required int Index { get; init; }

    public required string Name { get; init; }

    /// <summary>"veth", "bridge", … ; null for hardware and loopback.</summary>
    public string? Kind { get; init; }

    /// <summary>Index of the bridge that this is a port of; 0 for none.</summary>
    public int Master { get; init; }

    /// <summary>Index of the other end of a veth, in its own namespace.</summary>
    public int Peer { get; init; }

    /// <summary>Set up by the administrator (IFF_UP).</summary>
    public bool IsUp { get; init; }

    /// <summary>Carrier and administrator agree that packets can pass (IFF_RUNNING).</summary>
    public bool IsRunning { get; init; }

    public PhysicalAddress Mac { get; init; } = PhysicalAddress.None;

    /// <summary>Largest packet in bytes.</summary>
    public int Mtu { get; init; }
}

/// <summary>A veth pair to be made by one request.</summary>
public sealed record VethPair
{
    public required string Name { get; init; }

    public required string PeerName { get; init; }

    /// <summary>Where the peer is born; null: here.</summary>
    public NetworkNamespace? PeerNamespace { get; init; }

    /// <summary>Null: the kernel draws one.</summary>
    public PhysicalAddress? Mac { get; init; }

    /// <summary>Null: the kernel draws one.</summary>
    public PhysicalAddress? PeerMac { get; init; }

    /// <summary>Largest packet in bytes, of both ends; 0: the kernel's 1500.</summary>
    public int Mtu { get; init; }

    /// <summary>Index of the bridge that this end becomes a port of; 0 for none.</summary>
    public int Master { get; init; }

    /// <summary>
    /// This end is up from the first moment. The peer is not, and must be set up in its own namespace: it is born before
    /// it has a partner, and drivers/net/veth.c refuses to open such a link (ENOTCONN).
    /// </summary>
    public bool Up { get; init; } = true;
}
