using System.Collections.Immutable;
using System.Globalization;
using Fairlead.Node.Runtime;
using k8s.Models;

namespace Fairlead.Node.Pods;

/// <summary>The security contexts of pod and container as one (Kubernetes documentation: "Configure a Security Context"); the container's word counts first.</summary>
internal static class SecurityRules
{
    /// <summary>Security, or why the container may not run.</summary>
    /// <param name="imageUser">As whom the image runs unless the pod says otherwise.</param>
    public static (ContainerSecurity? Security, string? Failure) Of(V1Pod pod, V1Container container, string imageUser)
    {
        var ofPod = pod.Spec.SecurityContext;
        var own = container.SecurityContext;
        var user = (own?.RunAsUser ?? ofPod?.RunAsUser)?.ToString(CultureInfo.InvariantCulture);
        if ((own?.RunAsNonRoot ?? ofPod?.RunAsNonRoot) == true && WhyMaybeRoot(user, imageUser) is { } why)
            return (null, $"{why} (pod: \"{pod.Metadata.Name}_{pod.Metadata.NamespaceProperty}({pod.Metadata.Uid})\", container: {container.Name})");
        IEnumerable<long> groups = ofPod?.SupplementalGroups?.Select(group => group ?? 0) ?? [];
        if (ofPod?.FsGroup is { } fsGroup) groups = groups.Append(fsGroup);
        return (new ContainerSecurity
        {
            User = user ?? imageUser,
            Group = (uint?)(own?.RunAsGroup ?? ofPod?.RunAsGroup),
            Groups = [.. groups.Distinct().Select(group => (uint)group)],
            StrictGroups = ofPod?.SupplementalGroupsPolicy == "Strict",
            Privileged = own?.Privileged == true,
            NoNewPrivileges = own?.AllowPrivilegeEscalation == false,
            ReadOnlyRoot = own?.ReadOnlyRootFilesystem == true,
            AddedCapabilities = Names(own?.Capabilities?.Add),
            DroppedCapabilities = Names(own?.Capabilities?.Drop),
            UnmaskedProc = own?.ProcMount == "Unmasked",
        }, null);
    }

    private static string? WhyMaybeRoot(string? user, string imageUser)
    {
        if (user is not null) return user == "0" ? "container's runAsUser breaks non-root policy" : null;
        var name = imageUser.Split(':')[0];
        if (name is "" or "0") return "container has runAsNonRoot and image will run as root";
        return name.All(char.IsAsciiDigit) ? null : $"container has runAsNonRoot and image has non-numeric user ({name}), cannot verify user is non-root";
    }

    /// <summary>A container may bind any port and send pings, as under containerd; the pod's own settings come on top.</summary>
    public static ImmutableSortedDictionary<string, string> Sysctls(V1Pod pod)
    {
        var settings = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        if (pod.Spec.HostNetwork != true)
        {
            settings["net.ipv4.ip_unprivileged_port_start"] = "0";
            settings["net.ipv4.ping_group_range"] = "0 2147483647";
        }
        foreach (var sysctl in pod.Spec.SecurityContext?.Sysctls ?? []) settings[sysctl.Name] = sysctl.Value;
        return settings.ToImmutable();
    }

    private static ImmutableArray<string> Names(IList<string>? names) => names is null ? [] : [.. names];
}
