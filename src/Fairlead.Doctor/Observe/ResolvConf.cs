using System.Globalization;
using System.Net;

namespace Fairlead.Doctor.Observe;

/// <summary>What a resolv.conf says (resolv.conf(5)).</summary>
/// <param name="Dots">Names with fewer are tried with the search list first.</param>
internal sealed record ResolvConf(IReadOnlyList<IPAddress> Servers, IReadOnlyList<string> Search, int Dots)
{
    internal static ResolvConf Parse(string text)
    {
        var servers = new List<IPAddress>();
        IReadOnlyList<string> search = [];
        var dots = 1;
        foreach (var line in text.Split('\n'))
        {
            var words = line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
            if (words is ["nameserver", var server, ..] && IPAddress.TryParse(server, out var address)) servers.Add(address);
            else if (words is ["search" or "domain", ..]) search = words[1..];
            else if (words is ["options", ..])
            {
                foreach (var option in words[1..])
                    if (option.StartsWith("ndots:", StringComparison.Ordinal) && int.TryParse(option.AsSpan(6), CultureInfo.InvariantCulture, out var count)) dots = count;
            }
        }
        return new ResolvConf(servers, search, dots);
    }

    /// <summary>The full names that a name stands for, in the order in which a resolver asks them.</summary>
    internal IReadOnlyList<string> Candidates(string name)
    {
        if (name.EndsWith('.')) return [name[..^1]];
        var searched = Search.Select(domain => $"{name}.{domain}");
        return name.Count(c => c == '.') >= Dots ? [name, .. searched] : [.. searched, name];
    }
}
