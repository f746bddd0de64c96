using System.Numerics;
using System.Security.Cryptography;

namespace Fairlead.Dns.Server;

internal enum RateVerdict
{
    Pass,

    /// <summary>An empty answer that says "truncated": a client that really asked comes again over TCP, which nobody can forge.</summary>
    Slip,

    Drop,
}

/// <summary>
/// How many answers a network of clients gets a second. Each network (/24, /56) counts in one of a fixed number of places, chosen by a
/// hash that nobody can foresee; networks that share a place share its number. Any thread; allocates nothing.
/// </summary>
internal sealed class RateLimit(int perSecond, TimeProvider time)
{
    private const int Places = 4096;
    private const int CountBits = 24;
    private const int FreeBitsV4 = 8, FreeBitsV6 = 72;
    private static readonly ulong s_seed = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))) | 1;

    /// <summary>The second in the high bits, how many in it in the low ones.</summary>
    private readonly long[] _places = new long[Places];

    internal RateVerdict Count(in Client client)
    {
        UInt128 network = client.Address >> (client.IsIPv6 ? FreeBitsV6 : FreeBitsV4);
        ulong hash = ((ulong)network ^ (ulong)(network >> 64) ^ (client.IsIPv6 ? 1UL << 63 : 0)) * s_seed;
        hash = (hash ^ BitOperations.RotateRight(hash, 32)) * s_seed;
        ref long place = ref _places[hash >> 52];
        long second = client.ReceivedAt / time.TimestampFrequency;
        while (true)
        {
            long seen = Volatile.Read(ref place);
            long next = seen >> CountBits == second ? seen + 1 : (second << CountBits) | 1;
            if (Interlocked.CompareExchange(ref place, next, seen) == seen)
            {
                long count = next & ((1 << CountBits) - 1);
                return count <= perSecond ? RateVerdict.Pass : count % 2 == 0 ? RateVerdict.Slip : RateVerdict.Drop;
            }
        }
    }
}
