using System.Globalization;
using System.Text.RegularExpressions;

namespace Fairlead.System;

/// <summary>A router on one of the machines: Debian's bird, which puts what its BGP peers tell into the kernel as routes of several next hops.</summary>
public sealed partial class Bird(Machines machines, string machine)
{
    public const uint As = 64512, NodesAs = 64513;
    public const string Password = "between-routers";
    private readonly string _control = Path.Combine(machines.Folder, "bird.ctl");

    /// <summary>Starts it with one peer a node, all of one family of addresses.</summary>
    /// <param name="number">Its AS; the nodes' own makes it internal BGP.</param>
    public async Task StartAsync(string own, IEnumerable<string> nodes, uint number = As)
    {
        var channel = own.Contains(':', StringComparison.Ordinal) ? "ipv6" : "ipv4";
        var peers = string.Concat(nodes.Select((node, i) => string.Create(CultureInfo.InvariantCulture, $$"""
            protocol bgp node{{i + 1}} {
              local {{own}} as {{number}};
              neighbor {{node}} as {{NodesAs}};
              direct;
              passive;
              password "{{Password}}";
              error wait time 1, 2;
              {{channel}} { import all; export none; };
            }

            """)));
        var file = Path.Combine(machines.Folder, "bird.conf");
        await File.WriteAllTextAsync(file, $$"""
            router id 192.0.2.254;
            protocol device { }
            protocol kernel { merge paths on; {{channel}} { import none; export all; }; }
            {{peers}}
            """);
        machines.StartProgram(machine, "bird", "-f", "-c", file, "-s", _control);
    }

    /// <summary>Next hops of the routes to an address in bird's own table, sorted.</summary>
    public async Task<string[]> RoutesAsync(string address)
    {
        var shown = await machines.TryOnAsync(machine, "birdc", "-s", _control, "show", "route", "for", address.Contains(':', StringComparison.Ordinal) ? $"{address}/128" : $"{address}/32");
        return [.. Via().Matches(shown.Output).Select(match => match.Groups[1].Value).Order(StringComparer.Ordinal)];
    }

    public async Task WaitForRoutesAsync(string address, params string[] nodes)
    {
        try
        {
            await Until.AsyncHolds(() => RoutesAsync(address), found => found.SequenceEqual(nodes.Order(StringComparer.Ordinal)), $"routes to {address} by [{string.Join(", ", nodes)}]");
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message}\n{await ShowAsync("route")}\n{await ShowAsync("protocols", "all")}\n{machines.Logs()}");
        }
    }

    public async Task<string> ShowAsync(params string[] what) => (await machines.TryOnAsync(machine, ["birdc", "-s", _control, "show", .. what])).Output;

    [GeneratedRegex(@"\bvia (\S+) on")]
    private static partial Regex Via();
}
