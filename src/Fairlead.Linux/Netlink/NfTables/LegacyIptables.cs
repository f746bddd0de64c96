using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace Fairlead.Linux.Netlink.NfTables;

/// <summary>
/// What iptables of the legacy kind has in the calling thread's network namespace, which nf_tables does not list (Linux,
/// include/uapi/linux/netfilter_ipv4/ip_tables.h: IPT_SO_GET_INFO, IPT_SO_GET_ENTRIES; netfilter_ipv6 has the same numbers).
/// </summary>
public static class LegacyIptables
{
    private const int NameBytes = 32;
    private const int InfoBytes = 84, SizeOffset = 80;
    private const int EntriesSizeOffset = NameBytes, EntriesOffset = 40;
    private const int GetInfo = 64, GetEntries = 65;
    private const int Attempts = 5;

    /// <summary>The first of the tables that have a chain of that name, for example "ip nat"; null: none does.</summary>
    /// <exception cref="LinuxException">The kernel refused: no root.</exception>
    public static string? FindChain(string chain)
    {
        foreach (var (family, name, list) in (ReadOnlySpan<(AddressFamily, string, string)>)[(AddressFamily.InterNetwork, "ip", "ip_tables_names"), (AddressFamily.InterNetworkV6, "ip6", "ip6_tables_names")])
        {
            foreach (var table in Tables(list))
            {
                if (Read(family, table).AsSpan().IndexOf(Encoding.ASCII.GetBytes($"{chain}\0")) >= 0) return $"{name} {table}";
            }
        }
        return null;
    }

    /// <summary>Those in use; to ask for another would make it.</summary>
    private static string[] Tables(string list)
    {
        var file = $"/proc/thread-self/net/{list}";
        return File.Exists(file) ? File.ReadAllLines(file) : [];
    }

    /// <summary>The table's entries as the kernel has them; a chain's name stands in its first. Empty where the table has just gone.</summary>
    private static byte[] Read(AddressFamily family, string table)
    {
        try
        {
            using var socket = new Socket(family, SocketType.Raw, ProtocolType.Raw);
            var level = family == AddressFamily.InterNetwork ? (int)SocketOptionLevel.IP : (int)SocketOptionLevel.IPv6;
            for (var attempt = 1; ; attempt++)
            {
                var info = new byte[InfoBytes];
                Encoding.ASCII.GetBytes(table, info);
                socket.GetRawSocketOption(level, GetInfo, info);
                var size = BinaryPrimitives.ReadInt32LittleEndian(info.AsSpan(SizeOffset));
                var entries = new byte[EntriesOffset + size];
                Encoding.ASCII.GetBytes(table, entries);
                BinaryPrimitives.WriteInt32LittleEndian(entries.AsSpan(EntriesSizeOffset), size);
                try
                {
                    socket.GetRawSocketOption(level, GetEntries, entries);
                    return entries;
                }
                catch (SocketException e) when (ErrnoOf(e) == Errno.TryAgain && attempt < Attempts)
                {
                    // Another program changed the table between the two questions.
                }
            }
        }
        catch (SocketException e) when (ErrnoOf(e) == Errno.NoEntry)
        {
            return [];
        }
        catch (SocketException e)
        {
            throw LinuxException.From(ErrnoOf(e), $"read iptables' table {table}");
        }
    }

    private static Errno ErrnoOf(SocketException e) => (Errno)e.NativeErrorCode;
}
