using System.Net;

namespace Fairlead.Dns.Forward;

/// <summary>The name servers of a resolv.conf(5).</summary>
internal static class ResolverFile
{
    internal const string Path = "/etc/resolv.conf";
    private const int Port = 53;

    internal static IReadOnlyList<IPEndPoint> Read(string path = Path) => File.Exists(path) ? Parse(File.ReadLines(path)) : [];

    internal static IReadOnlyList<IPEndPoint> Parse(IEnumerable<string> lines)
    {
        var servers = new List<IPEndPoint>();
        foreach (string line in lines)
        {
            string[] words = line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
            if (words is ["nameserver", var text, ..] && IPAddress.TryParse(text, out IPAddress? address))
            {
                servers.Add(new IPEndPoint(address, Port));
            }
        }
        return servers;
    }
}
