using System.Text;
using Fairlead.Node.Api;
using Fairlead.Node.Environment;
using k8s.Models;

namespace Fairlead.Node.Volumes;

/// <summary>The files of a volume, or why they cannot be had.</summary>
internal readonly record struct VolumePayload(IReadOnlyList<VolumeFile> Files, string? Failure)
{
    public static VolumePayload Fail(string why) => new([], why);
}

/// <summary>Files made from objects: configMap, secret, downwardAPI, projected (Kubernetes documentation: "Volumes").</summary>
/// <param name="presentToken">A token of a volume that is still good, by its path in there.</param>
internal sealed class VolumePayloads(IPodApi api, V1Pod pod, FieldPaths.Facts facts, Func<V1Volume, string, byte[]?> presentToken)
{
    public const long DefaultTokenSeconds = 3600;
    private const int DefaultMode = 0b110_100_100;

    public async Task<(string Kind, VolumePayload Payload)> ReadAsync(V1Volume volume, CancellationToken cancel)
    {
        if (volume.ConfigMap is { } map) return ("configmap", await ConfigMapAsync(map.Name, map.Items, map.Optional, map.DefaultMode, cancel));
        if (volume.Secret is { } secret) return ("secret", await SecretAsync(secret.SecretName, secret.Items, secret.Optional, secret.DefaultMode, cancel));
        if (volume.DownwardAPI is { } downward) return ("downward-api", Downward(downward.Items, downward.DefaultMode));
        if (volume.Projected is { } projected) return ("projected", await ProjectedAsync(volume, projected, cancel));
        return ("", VolumePayload.Fail("this node has no driver for its type; it knows emptyDir, hostPath, configMap, secret, downwardAPI and projected"));
    }

    private async Task<VolumePayload> ConfigMapAsync(string name, IList<V1KeyToPath>? items, bool? optional, int? mode, CancellationToken cancel)
    {
        var found = await api.FindConfigMapAsync(pod.Metadata.NamespaceProperty, name, cancel);
        if (found is null) return optional == true ? new([], null) : VolumePayload.Fail($"configmap \"{name}\" not found");
        var data = new Dictionary<string, byte[]>();
        foreach (var (key, value) in found.Data ?? new Dictionary<string, string>()) data[key] = Encoding.UTF8.GetBytes(value);
        foreach (var (key, value) in found.BinaryData ?? new Dictionary<string, byte[]>()) data[key] = value;
        return Choose(data, items, optional, mode);
    }

    private async Task<VolumePayload> SecretAsync(string name, IList<V1KeyToPath>? items, bool? optional, int? mode, CancellationToken cancel)
    {
        var found = await api.FindSecretAsync(pod.Metadata.NamespaceProperty, name, cancel);
        if (found is null) return optional == true ? new([], null) : VolumePayload.Fail($"secret \"{name}\" not found");
        return Choose(found.Data ?? new Dictionary<string, byte[]>(), items, optional, mode);
    }

    private static VolumePayload Choose(IDictionary<string, byte[]> data, IList<V1KeyToPath>? items, bool? optional, int? mode)
    {
        if (items is not { Count: > 0 }) return new([.. data.Select(entry => new VolumeFile(entry.Key, entry.Value, mode ?? DefaultMode))], null);
        var files = new List<VolumeFile>();
        foreach (var item in items)
        {
            if (!data.TryGetValue(item.Key, out var content))
            {
                if (optional == true) continue;
                return VolumePayload.Fail($"references non-existent config key: {item.Key}");
            }
            files.Add(new VolumeFile(item.Path, content, item.Mode ?? mode ?? DefaultMode));
        }
        return new(files, null);
    }

    private VolumePayload Downward(IList<V1DownwardAPIVolumeFile>? items, int? mode)
    {
        var files = new List<VolumeFile>();
        foreach (var item in items ?? [])
        {
            var text = item.FieldRef is { } field ? FieldPaths.Read(pod, field.FieldPath, facts)
                : item.ResourceFieldRef is { } resource ? ResourceFields.Read(pod, pod.Spec.Containers[0], resource)?.ToString(System.Globalization.CultureInfo.InvariantCulture)
                : null;
            if (text is null) return VolumePayload.Fail($"unsupported source of {item.Path}");
            files.Add(new VolumeFile(item.Path, Encoding.UTF8.GetBytes(text), item.Mode ?? mode ?? DefaultMode));
        }
        return new(files, null);
    }

    private async Task<VolumePayload> ProjectedAsync(V1Volume volume, V1ProjectedVolumeSource projected, CancellationToken cancel)
    {
        var files = new List<VolumeFile>();
        foreach (var source in projected.Sources ?? [])
        {
            var part = await SourceAsync(volume, source, projected.DefaultMode, cancel);
            if (part.Failure is not null) return part;
            files.AddRange(part.Files);
        }
        return new(files, null);
    }

    private async Task<VolumePayload> SourceAsync(V1Volume volume, V1VolumeProjection source, int? mode, CancellationToken cancel)
    {
        if (source.ConfigMap is { } map) return await ConfigMapAsync(map.Name, map.Items, map.Optional, mode, cancel);
        if (source.Secret is { } secret) return await SecretAsync(secret.Name, secret.Items, secret.Optional, mode, cancel);
        if (source.DownwardAPI is { } downward) return Downward(downward.Items, mode);
        if (source.ServiceAccountToken is not { } token) return VolumePayload.Fail("a projected source is of a type that this node does not know");
        var owner = VolumeOwner.Of(pod);
        if (presentToken(volume, token.Path) is { } present) return Token(present);
        try
        {
            var text = await api.CreateTokenAsync(pod, token.Audience, token.ExpirationSeconds ?? DefaultTokenSeconds, cancel);
            return Token(Encoding.UTF8.GetBytes(text));
        }
        catch (Fairlead.Kube.Client.KubeApiException e)
        {
            return VolumePayload.Fail($"failed to fetch token: {e.Message}");
        }

        VolumePayload Token(byte[] content) => new([new VolumeFile(token.Path, content, owner.TokenMode(mode ?? DefaultMode), owner.User)], null);
    }
}
