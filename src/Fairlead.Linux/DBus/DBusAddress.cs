using System.Net.Sockets;

namespace Fairlead.Linux.DBus;

/// <summary>Where a bus listens (D-Bus specification, "Server Addresses").</summary>
public static class DBusAddress
{
    private const string System = "unix:path=/var/run/dbus/system_bus_socket";

    /// <summary>The machine's own bus, or the one that the variable DBUS_SYSTEM_BUS_ADDRESS names instead.</summary>
    /// <exception cref="DBusException">It is named in a way that is not known here.</exception>
    public static UnixDomainSocketEndPoint OfSystemBus() =>
        Parse(Environment.GetEnvironmentVariable("DBUS_SYSTEM_BUS_ADDRESS") is { Length: > 0 } named ? named : System);

    /// <param name="addresses">One, or several separated by semicolons; the first that is a unix socket counts.</param>
    public static UnixDomainSocketEndPoint Parse(string addresses)
    {
        foreach (string address in addresses.Split(';'))
        {
            if (!address.StartsWith("unix:", StringComparison.Ordinal))
            {
                continue;
            }
            foreach (string pair in address["unix:".Length..].Split(','))
            {
                string[] words = pair.Split('=', 2);
                if (words is ["path", { Length: > 0 } path])
                {
                    return new UnixDomainSocketEndPoint(Uri.UnescapeDataString(path));
                }
                if (words is ["abstract", { Length: > 0 } name])
                {
                    return new UnixDomainSocketEndPoint('\0' + Uri.UnescapeDataString(name));
                }
            }
        }
        throw new DBusException($"{addresses} is no address of a bus on a unix socket");
    }
}
