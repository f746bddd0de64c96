using System.Collections.Immutable;
using System.Text;
using k8s.Models;

namespace Fairlead.Node.Environment;

/// <summary>The parts of resolv.conf(5) that pods care about.</summary>
internal sealed record ResolverSettings(ImmutableArray<string> NameServers, ImmutableArray<string> Searches, ImmutableArray<string> Options)
{
    public static readonly ResolverSettings Empty = new([], [], []);

    public static ResolverSettings Parse(IEnumerable<string> lines)
    {
        var settings = Empty;
        foreach (var line in lines)
        {
            var words = line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < 2) continue;
            settings = words[0] switch
            {
                "nameserver" => settings with { NameServers = settings.NameServers.Add(words[1]) },
                // The last search or domain line counts.
                "search" or "domain" => settings with { Searches = [.. words[1..].Where(word => word != ".")] },
                "options" => settings with { Options = [.. words[1..]] },
                _ => settings,
            };
        }
        return settings;
    }

    public override string ToString()
    {
        var text = new StringBuilder();
        if (Searches.Length > 0) text.Append("search ").AppendJoin(' ', Searches).Append('\n');
        foreach (var server in NameServers) text.Append("nameserver ").Append(server).Append('\n');
        if (Options.Length > 0) text.Append("options ").AppendJoin(' ', Options).Append('\n');
        return text.ToString();
    }
}

/// <summary>A pod's resolv.conf by its dnsPolicy and dnsConfig (Kubernetes documentation: "DNS for Services and Pods").</summary>
internal static class ResolverFile
{
    /// <param name="clusterDns">Null where the cluster has no DNS; pods then use the node's resolver.</param>
    public static ResolverSettings For(V1Pod pod, ResolverSettings node, string? clusterDns, string clusterDomain)
    {
        var spec = pod.Spec;
        var ofCluster = spec.DnsPolicy switch
        {
            "Default" or "None" => false,
            "ClusterFirstWithHostNet" => true,
            _ => spec.HostNetwork != true,
        };
        var settings = spec.DnsPolicy == "None" ? ResolverSettings.Empty
            : ofCluster && clusterDns is not null ? OfCluster(pod.Metadata.NamespaceProperty, node, clusterDns, clusterDomain)
            : node;
        return spec.DnsConfig is { } config ? Merge(settings, config) : settings;
    }

    private static ResolverSettings OfCluster(string ns, ResolverSettings node, string clusterDns, string domain) => new(
        [clusterDns],
        [.. new[] { $"{ns}.svc.{domain}", $"svc.{domain}", domain }.Concat(node.Searches).Distinct()],
        ["ndots:5"]);

    private static ResolverSettings Merge(ResolverSettings settings, V1PodDNSConfig config)
    {
        var options = settings.Options.ToDictionary(NameOf, option => option);
        foreach (var option in config.Options ?? [])
            options[option.Name] = string.IsNullOrEmpty(option.Value) ? option.Name : $"{option.Name}:{option.Value}";
        return new(
            [.. settings.NameServers.Concat(config.Nameservers ?? []).Distinct()],
            [.. settings.Searches.Concat(config.Searches ?? []).Distinct()],
            [.. options.Values]);
    }

    private static string NameOf(string option) => option.Split(':', 2)[0];
}
