using System.Collections.Immutable;
using Fairlead.Node.Environment;
using Fairlead.Node.Runtime;
using k8s.Models;

namespace Fairlead.Node.Pods;

/// <summary>The files that every container of a pod shares: /etc/hosts, /etc/hostname, /etc/resolv.conf.</summary>
internal static class PodFiles
{
    public static ImmutableArray<ContainerMount> Write(V1Pod pod, PodSandbox sandbox, NodeContext node, NodePaths paths)
    {
        var folder = paths.Pod(sandbox.PodUid);
        var name = PodHostName.Of(pod, node.ClusterDomain);
        var resolver = ResolverFile.For(pod, ResolverSettings.Parse(ReadLines("/etc/resolv.conf")), node.ClusterDns, node.ClusterDomain);
        File.WriteAllText($"{folder}/etc-hosts", HostsFile.For(pod, name, sandbox.Address, string.Join('\n', ReadLines("/etc/hosts")) + "\n"));
        File.WriteAllText($"{folder}/hostname", (sandbox.HostNetwork ? node.HostName : sandbox.HostName) + "\n");
        File.WriteAllText($"{folder}/resolv.conf", resolver.ToString());
        return
        [
            new($"{folder}/etc-hosts", "/etc/hosts", ReadOnly: false),
            new($"{folder}/hostname", "/etc/hostname", ReadOnly: false),
            new($"{folder}/resolv.conf", "/etc/resolv.conf", ReadOnly: false),
        ];
    }

    private static string[] ReadLines(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (IOException)
        {
            return [];
        }
    }
}
