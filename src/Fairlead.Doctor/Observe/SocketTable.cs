using System.Globalization;
using System.Net;
using Fairlead.Doctor.Snapshot;

namespace Fairlead.Doctor.Observe;

/// <summary>The kernel's table of sockets (/proc/net/tcp, tcp6, udp, udp6; proc(5)): those that wait for somebody.</summary>
internal static class SocketTable
{
    private const string Listen = "0A", Unconnected = "07";
    private static readonly (string Protocol, string File)[] Tables = [("TCP", "tcp"), ("TCP", "tcp6"), ("UDP", "udp"), ("UDP", "udp6")];

    internal static IEnumerable<ListeningSocket> Parse(string protocol, IEnumerable<string> lines)
    {
        foreach (var line in lines.Skip(1))
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < 4 || words[3] != (protocol == "TCP" ? Listen : Unconnected)) continue;
            var colon = words[1].IndexOf(':', StringComparison.Ordinal);
            yield return new ListeningSocket(protocol, Address(words[1].AsSpan(0, colon)), int.Parse(words[1].AsSpan(colon + 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
        }
    }

    /// <summary>The tables of the namespace of the calling thread.</summary>
    internal static IReadOnlyList<ListeningSocket> ReadHere() =>
        [.. Tables.SelectMany(table => Parse(table.Protocol, Lines($"/proc/thread-self/net/{table.File}")))];

    // A machine without IPv6 has no such file.
    private static string[] Lines(string file) => File.Exists(file) ? File.ReadAllLines(file) : [];

    /// <summary>Words of 32 bits in the machine's order, which is little-endian here.</summary>
    private static IPAddress Address(ReadOnlySpan<char> hex)
    {
        var bytes = Convert.FromHexString(hex);
        for (var word = 0; word < bytes.Length; word += 4) Array.Reverse(bytes, word, 4);
        return new IPAddress(bytes);
    }
}
