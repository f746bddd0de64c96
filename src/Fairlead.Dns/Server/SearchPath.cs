using Fairlead.Dns.Wire;
using Fairlead.Dns.Zone;

namespace Fairlead.Dns.Server;

/// <summary>
/// What a pod's resolver would ask next (autopath): a name of at most ndots dots is asked first with NAMESPACE.svc.DOMAIN behind it, then with
/// svc.DOMAIN, DOMAIN and the node's own search list, and at last alone. Followed here, that costs one round trip.
/// </summary>
internal static class SearchPath
{
    /// <summary>The names to go on with; empty where the question's does not end in the client's own namespace.</summary>
    /// <param name="ownNamespace">The client's, as a label in wire form; empty when it is not known.</param>
    /// <param name="nodeSearch">The node's search list, in wire form.</param>
    internal static IReadOnlyList<byte[]> After(in Query query, ReadOnlySpan<byte> ownNamespace, ZoneSnapshot zone, IReadOnlyList<byte[]> nodeSearch)
    {
        if (ownNamespace.IsEmpty || !query.IsBelow(zone.Services))
        {
            return [];
        }
        int start = query.NameLength - zone.Services.Length - ownNamespace.Length;
        if (start <= 0 || !query.Name[start..].StartsWith(ownNamespace))
        {
            return [];
        }
        // The namespace must be a label of its own, not the end of one.
        int label = 0;
        while (query.LabelStart(label) < start)
        {
            label++;
        }
        if (query.LabelStart(label) != start)
        {
            return [];
        }
        ReadOnlySpan<byte> name = query.Name[..start];
        List<byte[]> next = [[.. name, .. zone.Services], [.. name, .. zone.Domain]];
        foreach (byte[] domain in nodeSearch)
        {
            next.Add([.. name, .. domain]);
        }
        next.Add([.. name, 0]);
        return [.. next.Where(candidate => candidate.Length <= Limits.Name)];
    }
}
