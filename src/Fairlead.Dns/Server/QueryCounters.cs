using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Server;

/// <summary>Counts of one thread, or of one lock's holders; read by others, which may see them a little late.</summary>
internal sealed class QueryCounters
{
    /// <summary>Types that have a count of their own; the rest is "other".</summary>
    internal static readonly RecordType[] Types =
        [RecordType.A, RecordType.Aaaa, RecordType.Srv, RecordType.Ptr, RecordType.Txt, RecordType.MX, RecordType.NS, RecordType.Soa, RecordType.Cname, RecordType.Any];

    internal static readonly int TypeCount = Types.Length + 1;

    /// <summary>Upper bounds of the times' classes in seconds, as CoreDNS has them; the last class has none.</summary>
    internal static readonly double[] Bounds = [.. Enumerable.Range(0, 16).Select(i => 0.00025 * (1 << i))];

    private static readonly byte[] s_typeIndex = TypeIndex();

    /// <summary>By transport (UDP, TCP), family (IPv4, IPv6) and type.</summary>
    internal readonly long[] Requests = new long[2 * 2 * TypeCount];

    internal readonly long[] Responses = new long[16];
    internal readonly long[] Times = new long[Bounds.Length + 1];
    internal double Seconds;

    /// <summary>Not answered, or without what was asked, to clients elsewhere.</summary>
    internal long Limited;

    internal void CountRequest(RecordType type, in Client client)
    {
        int index = (ushort)type < s_typeIndex.Length ? s_typeIndex[(ushort)type] : Types.Length;
        Requests[(((client.IsUdp ? 0 : 2) + (client.IsIPv6 ? 1 : 0)) * TypeCount) + index]++;
    }

    internal void CountResponse(ResponseCode code) => Responses[(int)code & HeaderFlags.CodeMask]++;

    internal void CountTimes(int responses, TimeSpan each)
    {
        double seconds = each.TotalSeconds;
        int at = 0;
        while (at < Bounds.Length && seconds > Bounds[at])
        {
            at++;
        }
        Times[at] += responses;
        Seconds += seconds * responses;
    }

    internal void Add(QueryCounters other)
    {
        Add(Requests, other.Requests);
        Add(Responses, other.Responses);
        Add(Times, other.Times);
        Seconds += other.Seconds;
        Limited += other.Limited;
    }

    private static void Add(long[] to, long[] from)
    {
        for (int i = 0; i < to.Length; i++)
        {
            to[i] += from[i];
        }
    }

    private static byte[] TypeIndex()
    {
        byte[] index = new byte[(int)RecordType.Any + 1];
        index.AsSpan().Fill((byte)Types.Length);
        for (int i = 0; i < Types.Length; i++)
        {
            index[(int)Types[i]] = (byte)i;
        }
        return index;
    }
}
