using Fairlead.Dns.Hosts;
using Fairlead.Kube;

namespace Fairlead.Dns.Corefile;

/// <summary>What answers from here: https://coredns.io/plugins/kubernetes/, /hosts/, /autopath/.</summary>
internal sealed partial class CorefileCompiler
{
    private void Kubernetes(CorefileDirective directive)
    {
        IReadOnlyList<string> zones = directive.Arguments.Count > 0 ? directive.Arguments : _keys;
        string[] own = [.. zones.Where(zone => !IsReverse(zone))];
        if (!Expect(directive, own.Length == 1, "kubernetes takes one domain of the cluster, and beside it in-addr.arpa, ip6.arpa or domains below these"))
        {
            return;
        }
        var zone = new ZoneOptions { Domain = own[0], Reverse = new(zones.Where(IsReverse)), Fallthrough = default };
        foreach (CorefileLine line in directive.Body)
        {
            switch (line.Words)
            {
                case ["pods", "disabled" or "insecure" or "verified"]:
                    zone = zone with { Pods = Enum.Parse<PodNames>(line.Words[1], ignoreCase: true) };
                    break;
                case ["ttl", var text] when Value(line, CorefileValues.Number(text), "a number of seconds") is { } ttl:
                    zone = zone with { TimeToLive = ttl };
                    break;
                case ["ttl", _]:
                    break;
                case ["fallthrough", .. var domains]:
                    zone = zone with { Fallthrough = new(domains.Length > 0 ? domains : ["."]) };
                    break;
                default:
                    Unknown(directive, line);
                    break;
            }
        }
        // Without the setting, CoreDNS has no pod names.
        zone = directive.Body.Any(line => line.Words[0] == "pods") ? zone : zone with { Pods = PodNames.Disabled };
        if (_zone is not null && _zone != zone)
        {
            Error(directive.Line, "kubernetes stands in two server blocks with different settings");
        }
        _zone = zone;
        _block = _block with { HasZone = true };
    }

    private static bool IsReverse(string zone) =>
        zone.TrimEnd('.').EndsWith("in-addr.arpa", StringComparison.OrdinalIgnoreCase) || zone.TrimEnd('.').EndsWith("ip6.arpa", StringComparison.OrdinalIgnoreCase);

    private void Hosts(CorefileDirective directive)
    {
        bool hasFile = directive.Arguments.Count > 0;
        var hosts = new HostsOptions
        {
            // Without any line of its own it is about the machine's file.
            File = hasFile ? Path.GetFullPath(directive.Arguments[0], Path.GetDirectoryName(Path.GetFullPath(directive.Line.File))!) : directive.Body.Any(IsHostLine) ? null : "/etc/hosts",
            Domains = directive.Arguments.Count > 1 ? [.. directive.Arguments.Skip(1)] : _keys,
            Lines = [.. directive.Body.Where(IsHostLine).Select(line => string.Join(' ', line.Words))],
        };
        foreach (CorefileLine line in directive.Body.Where(line => !IsHostLine(line)))
        {
            switch (line.Words)
            {
                case ["ttl", var text] when Value(line, CorefileValues.Number(text), "a number of seconds") is { } ttl:
                    hosts = hosts with { TimeToLive = ttl };
                    break;
                case ["reload", var text] when Value(line, CorefileValues.Duration(text), "a time such as 15s") is { } reload:
                    hosts = hosts with { Reload = reload };
                    break;
                case ["ttl" or "reload", _]:
                    break;
                case ["no_reverse"]:
                    hosts = hosts with { NoReverse = true };
                    break;
                case ["fallthrough", .. var domains]:
                    hosts = hosts with { Fallthrough = domains.Length > 0 ? domains : ["."] };
                    break;
                default:
                    Unknown(directive, line);
                    break;
            }
        }
        _block = _block with { Hosts = hosts };
    }

    private static bool IsHostLine(CorefileLine line) => line.Words.Length > 1 && System.Net.IPAddress.TryParse(line.Words[0], out _);

    private void Autopath(CorefileDirective directive)
    {
        if (Expect(directive, directive.Arguments is ["@kubernetes"] && directive.Body.Count == 0, "autopath takes @kubernetes"))
        {
            _block = _block with { Autopath = true };
        }
    }
}
