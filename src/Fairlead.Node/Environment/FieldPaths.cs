using k8s.Models;

namespace Fairlead.Node.Environment;

/// <summary>Fields of a pod that its containers may be told (Kubernetes documentation: "Downward API").</summary>
internal static class FieldPaths
{
    /// <summary>What a field path is answered from, beyond the pod itself.</summary>
    internal readonly record struct Facts(string? PodAddress, string HostAddress);

    /// <summary>Null when the path is none that Kubernetes knows.</summary>
    public static string? Read(V1Pod pod, string path, Facts facts) => path switch
    {
        "metadata.name" => pod.Metadata.Name,
        "metadata.namespace" => pod.Metadata.NamespaceProperty,
        "metadata.uid" => pod.Metadata.Uid,
        "metadata.labels" => Lines(pod.Metadata.Labels),
        "metadata.annotations" => Lines(pod.Metadata.Annotations),
        "spec.nodeName" => pod.Spec.NodeName,
        "spec.serviceAccountName" => pod.Spec.ServiceAccountName ?? "default",
        "status.podIP" or "status.podIPs" => facts.PodAddress ?? "",
        "status.hostIP" or "status.hostIPs" => facts.HostAddress,
        _ => Subscript(path, "metadata.labels", pod.Metadata.Labels) ?? Subscript(path, "metadata.annotations", pod.Metadata.Annotations),
    };

    /// <summary>The form of files of a downward API volume.</summary>
    private static string Lines(IDictionary<string, string>? map) =>
        string.Join('\n', (map ?? new Dictionary<string, string>()).OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key}={Quote(pair.Value)}"));

    private static string Quote(string value) =>
        $"\"{value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal)}\"";

    private static string? Subscript(string path, string field, IDictionary<string, string>? map)
    {
        if (!path.StartsWith($"{field}['", StringComparison.Ordinal) || !path.EndsWith("']", StringComparison.Ordinal)) return null;
        var key = path[(field.Length + 2)..^2];
        return map is not null && map.TryGetValue(key, out var value) ? value : "";
    }
}
