using System.Globalization;
using Fairlead.Controllers.Cache;

namespace Fairlead.Controllers.StatefulSet;

/// <summary>The name and labels that make a pod the Nth of its StatefulSet (Kubernetes documentation: "StatefulSets", pod identity).</summary>
internal static class PodIdentity
{
    public const string NameLabel = "statefulset.kubernetes.io/pod-name";
    public const string IndexLabel = "apps.kubernetes.io/pod-index";
    public const string RevisionLabel = "controller-revision-hash";

    public static string Name(StatefulSetItem set, int ordinal) => $"{set.Key.Name}-{ordinal.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>The pod's place in the set; null where its name is not one of the set's.</summary>
    public static int? Ordinal(StatefulSetItem set, PodItem pod)
    {
        var (name, prefix) = (pod.Key.Name, set.Key.Name);
        if (name.Length < prefix.Length + 2 || name[prefix.Length] != '-' || !name.StartsWith(prefix, StringComparison.Ordinal)) return null;
        return int.TryParse(name.AsSpan(prefix.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var ordinal) && Name(set, ordinal) == name ? ordinal : null;
    }

    public static string Revision(PodItem pod) => pod.Labels.TryGetValue(RevisionLabel, out var name) ? name : "";

    public static IEnumerable<(string Label, string Value)> Labels(StatefulSetItem set, int ordinal) =>
        [(NameLabel, Name(set, ordinal)), (IndexLabel, ordinal.ToString(CultureInfo.InvariantCulture))];
}
