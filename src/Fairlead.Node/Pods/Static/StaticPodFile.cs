using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Fairlead.Kube;
using Fairlead.Kube.Json;
using k8s.Models;

namespace Fairlead.Node.Pods.Static;

/// <summary>A pod from a file of the node's (Kubernetes documentation: "Create static Pods"). Pure.</summary>
internal static class StaticPodFile
{
    public const string SourceAnnotation = "kubernetes.io/config.source";
    public const string HashAnnotation = "kubernetes.io/config.hash";
    public const string SeenAnnotation = "kubernetes.io/config.seen";
    public const string MirrorAnnotation = "kubernetes.io/config.mirror";
    private const string Source = "file";

    /// <summary>A pod that a file describes, rather than its mirror in the API.</summary>
    public static bool IsStatic(V1Pod pod) => pod.Metadata.Annotations?.TryGetValue(SourceAnnotation, out var source) == true && source == Source && !IsMirror(pod);

    public static bool IsMirror(V1Pod pod) => pod.Metadata.Annotations?.ContainsKey(MirrorAnnotation) == true;

    /// <summary>The pod as the node runs it: with the node's name after its own, an UID that is the same for the same text in the same file, and the usual defaults.</summary>
    /// <param name="path">Of the file; a part of the pod's identity.</param>
    /// <returns>The pod, or why the file holds none.</returns>
    public static (V1Pod? Pod, string? Failure) Parse(string text, string path, string node, DateTimeOffset now)
    {
        try
        {
            if (YamlJson.Read(text) is not { } json) return (null, "it is empty");
            var pod = KubeJson.Deserialize<V1Pod>(Encoding.UTF8.GetBytes(json.ToJsonString()));
            if (pod.Kind != "Pod" || pod.ApiVersion != "v1") return (null, $"it holds no v1 Pod, but {pod.ApiVersion} {pod.Kind}");
            if (pod.Metadata?.Name is not { Length: > 0 } name) return (null, "the pod has no name");
            if (pod.Spec?.Containers is not { Count: > 0 }) return (null, "the pod has no containers");
            if (WhatOfTheApi(pod.Spec) is { } needs) return (null, $"a static pod may not refer to {needs}");
            Complete(pod, name, text, path, node, now);
            return (pod, null);
        }
        catch (Exception e) when (e is FormatException or JsonException)
        {
            return (null, e.Message);
        }
    }

    private static void Complete(V1Pod pod, string name, string text, string path, string node, DateTimeOffset now)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{node}\0{path}\0{text}")))[..32];
        var meta = pod.Metadata;
        meta.Name = $"{name}-{node}";
        meta.NamespaceProperty = meta.NamespaceProperty is { Length: > 0 } ns ? ns : "default";
        meta.Uid = hash;
        meta.CreationTimestamp = now.UtcDateTime;
        meta.Annotations ??= new Dictionary<string, string>();
        meta.Annotations[SourceAnnotation] = Source;
        meta.Annotations[HashAnnotation] = hash;
        meta.Annotations[SeenAnnotation] = Timestamps.Micro(now);
        pod.Spec.NodeName = node;
        // Whatever befalls the node, the pod is the node's.
        pod.Spec.Tolerations = [.. pod.Spec.Tolerations ?? [], new V1Toleration { OperatorProperty = "Exists", Effect = "NoExecute" }];
        StaticPodDefaults.Apply(pod.Spec);
    }

    /// <summary>What of the pod only the API server could give it, or null.</summary>
    private static string? WhatOfTheApi(V1PodSpec spec)
    {
        if (spec.ServiceAccountName is { Length: > 0 }) return "a service account";
        foreach (var volume in spec.Volumes ?? [])
        {
            if (volume.Secret is not null || volume.Projected?.Sources?.Any(source => source.Secret is not null) == true) return "secrets";
            if (volume.ConfigMap is not null || volume.Projected?.Sources?.Any(source => source.ConfigMap is not null) == true) return "configmaps";
            if (volume.Projected?.Sources?.Any(source => source.ServiceAccountToken is not null) == true) return "service account tokens";
            if (volume.PersistentVolumeClaim is not null || volume.Ephemeral is not null) return "persistent volume claims";
        }
        foreach (var container in spec.Containers.Concat(spec.InitContainers ?? []))
        {
            if (container.Env?.Any(variable => variable.ValueFrom?.SecretKeyRef is not null) == true || container.EnvFrom?.Any(source => source.SecretRef is not null) == true) return "secrets";
            if (container.Env?.Any(variable => variable.ValueFrom?.ConfigMapKeyRef is not null) == true || container.EnvFrom?.Any(source => source.ConfigMapRef is not null) == true) return "configmaps";
        }
        return spec.ImagePullSecrets is { Count: > 0 } ? "image pull secrets" : null;
    }
}
