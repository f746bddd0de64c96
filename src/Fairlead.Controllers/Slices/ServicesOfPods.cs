using Fairlead.Controllers.Cache;
using Fairlead.Kube;

namespace Fairlead.Controllers.Slices;

/// <summary>Which services a changed pod concerns.</summary>
internal static class ServicesOfPods
{
    /// <summary>Calls back with each service that selects the pod as it was or as it is, if anything changed that endpoints show.</summary>
    public static void Follow(Caches caches, Action<ObjectKey> enqueue) => caches.Pods.Changed += change =>
    {
        if (change.Old is { } before && change.New is { } after && LooksTheSame(before, after)) return;
        foreach (var pod in (ReadOnlySpan<PodItem?>)[change.Old, change.New])
        {
            if (pod is null) continue;
            foreach (var service in caches.Selectors.Selecting(pod.Key.Namespace, pod.Labels)) enqueue(service);
        }
    };

    private static bool LooksTheSame(PodItem a, PodItem b) =>
        a.Meta.Uid == b.Meta.Uid
        && a.Meta.IsDeleting == b.Meta.IsDeleting
        && a.IsReady == b.IsReady
        && a.IsTerminal == b.IsTerminal
        && a.NodeName == b.NodeName
        && a.Hostname == b.Hostname
        && a.Subdomain == b.Subdomain
        && a.Addresses.Equals(b.Addresses)
        && a.Ports.Equals(b.Ports)
        && a.Labels.Equals(b.Labels);
}
