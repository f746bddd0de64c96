using System.Net;

namespace Fairlead.Unit;

/// <summary>
/// Addresses of the loopback network, a new one for each asker. A server on an address of its own has all ports to itself:
/// neither another test nor the local end of somebody's connection, which is at 127.0.0.1, can be in its way.
/// </summary>
internal static class Loopback
{
    private static int s_last;

    public static IPAddress Next()
    {
        var number = Interlocked.Increment(ref s_last);
        return new IPAddress([127, (byte)(1 + (Environment.ProcessId % 250)), (byte)(number >> 8), (byte)number]);
    }
}
