using System.Net;

namespace Fairlead.Dns.Zone;

/// <summary>A name below a service: a port's (_http._tcp), the empty one above it (_tcp), or an endpoint's.</summary>
/// <param name="Labels">In wire form without the service's part.</param>
internal sealed record ChildRecords(byte[] Labels, RecordSet? A, RecordSet? Aaaa, RecordSet? Srv);

/// <summary>The name that an address stands for.</summary>
/// <param name="Name">The one record (PTR) that says it.</param>
internal readonly record struct ReverseName(IPAddress Address, RecordSet Name);

/// <summary>All records of one service, ready to be copied into answers. Null in its place means that the name does not exist.</summary>
internal sealed class ServiceRecords
{
    internal RecordSet? A { get; init; }

    internal RecordSet? Aaaa { get; init; }

    /// <summary>One record for each port; for each endpoint and port where the service is headless. No part of the specification, but CoreDNS has it.</summary>
    internal RecordSet? Srv { get; init; }

    /// <summary>The alias, and the name that it leads to in wire form; null but for ExternalName.</summary>
    internal RecordSet? Cname { get; init; }

    internal byte[]? CnameTarget { get; init; }

    /// <summary>Sorted by <see cref="ChildRecords.Labels"/>.</summary>
    internal ChildRecords[] Children { get; init; } = [];

    internal IReadOnlyList<ReverseName> Reverse { get; init; } = [];

    internal ChildRecords? Child(ReadOnlySpan<byte> labels)
    {
        int low = 0, high = Children.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            int order = labels.SequenceCompareTo(Children[middle].Labels);
            if (order == 0)
            {
                return Children[middle];
            }
            (low, high) = order < 0 ? (low, middle - 1) : (middle + 1, high);
        }
        return null;
    }
}
