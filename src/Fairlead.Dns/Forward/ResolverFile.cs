using System.Net;

namespace Fairlead.Dns.Forward;

/// <summary>What a resolv.conf(5) says.</summary>
internal static class ResolverFile
{
    internal const string Path = "/etc/resolv.conf";
    private const int Port = 53;
    private static readonly char[] s_blanks = [' ', '\t'];

    internal static IReadOnlyList<UpstreamServer> Read(string path = Path) => File.Exists(path) ? Parse(File.ReadLines(path)) : [];

    internal static IReadOnlyList<UpstreamServer> Parse(IEnumerable<string> lines)
    {
        var servers = new List<UpstreamServer>();
        foreach (string line in lines)
        {
            string[] words = line.Split(s_blanks, StringSplitOptions.RemoveEmptyEntries);
            if (words is ["nameserver", var text, ..] && IPAddress.TryParse(text, out IPAddress? address))
            {
                servers.Add(new UpstreamServer(new IPEndPoint(address, Port)));
            }
        }
        return servers;
    }

    /// <summary>The domains of the last line "search" or "domain", which kubelets put behind the cluster's; "." is none.</summary>
    internal static IReadOnlyList<string> Search(IEnumerable<string> lines) =>
        [.. (lines.Select(line => line.Split(s_blanks, StringSplitOptions.RemoveEmptyEntries)).LastOrDefault(words => words is ["search" or "domain", _, ..])?[1..] ?? []).Where(domain => domain != ".")];
}
