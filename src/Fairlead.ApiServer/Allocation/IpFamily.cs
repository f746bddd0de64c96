using System.Net;
using System.Net.Sockets;

namespace Fairlead.ApiServer.Allocation;

/// <summary>Address families as <c>spec.ipFamilies</c> names them.</summary>
internal static class IpFamily
{
    public const string IPv4 = "IPv4";
    public const string IPv6 = "IPv6";

    /// <summary>Null where the text is no address, as <c>None</c> is none.</summary>
    public static string? Of(string address) =>
        !IPAddress.TryParse(address, out var parsed) ? null : parsed.AddressFamily == AddressFamily.InterNetworkV6 ? IPv6 : IPv4;

    public static string OtherThan(string family) => family == IPv4 ? IPv6 : IPv4;
}
