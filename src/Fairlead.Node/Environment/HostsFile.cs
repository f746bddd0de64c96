using System.Text;
using k8s.Models;

namespace Fairlead.Node.Environment;

/// <summary>A pod's names: its host name, and its full name where it has a subdomain.</summary>
/// <param name="Kernel">What the pod's kernel calls the host (setHostnameAsFQDN: the full name).</param>
internal sealed record PodHostName(string Name, string? FullName, string Kernel)
{
    private const int Limit = 63;
    private const int KernelLimit = 64;

    /// <summary>Why the kernel cannot take the name, in kubelet's words; null: it can.</summary>
    public string? Failure => Kernel.Length > KernelLimit
        ? $"Failed to construct FQDN from Pod hostname and cluster domain, FQDN {Kernel} is too long ({KernelLimit} characters is the max, {Kernel.Length} characters requested)"
        : null;

    public static PodHostName Of(V1Pod pod, string clusterDomain)
    {
        if (pod.Spec.HostnameOverride is { Length: > 0 } own) return new(own, null, own);
        var name = pod.Spec.Hostname is { Length: > 0 } given ? given : pod.Metadata.Name;
        if (name.Length > Limit) name = name[..Limit].TrimEnd('-', '.');
        var full = pod.Spec.Subdomain is { Length: > 0 } sub ? $"{name}.{sub}.{pod.Metadata.NamespaceProperty}.svc.{clusterDomain}" : null;
        return new(name, full, pod.Spec.SetHostnameAsFQDN == true ? full ?? name : name);
    }
}

/// <summary>A pod's /etc/hosts (Kubernetes documentation: "Adding entries to Pod /etc/hosts with HostAliases").</summary>
internal static class HostsFile
{
    private const string Standard = """
        # Kubernetes-managed hosts file.
        127.0.0.1	localhost
        ::1	localhost ip6-localhost ip6-loopback
        fe00::0	ip6-localnet
        fe00::0	ip6-mcastprefix
        fe00::1	ip6-allnodes
        fe00::2	ip6-allrouters

        """;

    /// <param name="address">The pod's address.</param>
    /// <param name="node">The node's own file, which pods on its network get instead.</param>
    public static string For(V1Pod pod, PodHostName name, string? address, string node)
    {
        var hosts = new StringBuilder();
        if (pod.Spec.HostNetwork == true)
        {
            hosts.Append("# Kubernetes-managed hosts file (host network).\n").Append(node);
        }
        else
        {
            hosts.Append(Standard).Append(address).Append('\t');
            if (name.FullName is not null) hosts.Append(name.FullName).Append('\t');
            hosts.Append(name.Name).Append('\n');
        }
        if (pod.Spec.HostAliases is { Count: > 0 } aliases)
        {
            hosts.Append("\n# Entries added by HostAliases.\n");
            foreach (var alias in aliases) hosts.Append(alias.Ip).Append('\t').AppendJoin('\t', alias.Hostnames ?? []).Append('\n');
        }
        return hosts.ToString();
    }
}
