using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Fairlead.Node.Api;
using Fairlead.Node.Runtime;
using k8s.Models;

namespace Fairlead.Node.Environment;

/// <summary>A container's variables, in order, or why they cannot be told.</summary>
internal readonly record struct VariablesResult(ImmutableArray<KeyValuePair<string, string>> Variables, string? Failure);

/// <summary>
/// Puts a container's variables together as kubelet does: the image's, then the services', then envFrom, then env,
/// each able to replace and to name those before it.
/// </summary>
internal sealed class ContainerVariables(IPodApi api, V1Pod pod, FieldPaths.Facts facts)
{
    private readonly OrderedDictionary<string, string> _variables = [];

    public async Task<VariablesResult> BuildAsync(
        V1Container container, Image image, string hostName, IEnumerable<ServiceFacts> services, CancellationToken cancel)
    {
        foreach (var (name, value) in image.Variables) _variables[name] = value;
        _variables["HOSTNAME"] = hostName;
        foreach (var (name, value) in ServiceVariables.Of(services, pod.Metadata.NamespaceProperty, pod.Spec.EnableServiceLinks ?? true))
            _variables[name] = value;
        foreach (var source in container.EnvFrom ?? [])
        {
            if (await AddAllAsync(source, cancel) is { } failure) return new([], failure);
        }
        foreach (var variable in container.Env ?? [])
        {
            var (value, failure) = variable.ValueFrom is { } from
                ? await ReadAsync(container, from, cancel)
                : (Expansion.Expand(variable.Value ?? "", _variables), null);
            if (failure is not null) return new([], failure);
            if (value is not null) _variables[variable.Name] = value;
        }
        return new([.. _variables], null);
    }

    private async Task<string?> AddAllAsync(V1EnvFromSource source, CancellationToken cancel)
    {
        if (source.ConfigMapRef is { } map)
        {
            var found = await api.FindConfigMapAsync(pod.Metadata.NamespaceProperty, map.Name, cancel);
            if (found is null) return map.Optional == true ? null : $"configmap \"{map.Name}\" not found";
            foreach (var (name, value) in found.Data ?? new Dictionary<string, string>()) _variables[source.Prefix + name] = value;
        }
        if (source.SecretRef is { } secret)
        {
            var found = await api.FindSecretAsync(pod.Metadata.NamespaceProperty, secret.Name, cancel);
            if (found is null) return secret.Optional == true ? null : $"secret \"{secret.Name}\" not found";
            foreach (var (name, value) in found.Data ?? new Dictionary<string, byte[]>()) _variables[source.Prefix + name] = Encoding.UTF8.GetString(value);
        }
        return null;
    }

    private async Task<(string? Value, string? Failure)> ReadAsync(V1Container container, V1EnvVarSource from, CancellationToken cancel)
    {
        var ns = pod.Metadata.NamespaceProperty;
        if (from.FieldRef is { } field)
            return FieldPaths.Read(pod, field.FieldPath, facts) is { } value ? (value, null) : (null, $"unsupported fieldPath: {field.FieldPath}");
        if (from.ResourceFieldRef is { } resource)
            return ResourceFields.Read(pod, container, resource) is { } amount
                ? (amount.ToString(CultureInfo.InvariantCulture), null)
                : (null, $"unsupported container resource: {resource.Resource}");
        if (from.ConfigMapKeyRef is { } map)
        {
            var found = await api.FindConfigMapAsync(ns, map.Name, cancel);
            if (found?.Data is { } data && data.TryGetValue(map.Key, out var text)) return (text, null);
            if (map.Optional == true) return (null, null);
            return (null, found is null ? $"configmap \"{map.Name}\" not found" : $"couldn't find key {map.Key} in ConfigMap {ns}/{map.Name}");
        }
        if (from.SecretKeyRef is { } secret)
        {
            var found = await api.FindSecretAsync(ns, secret.Name, cancel);
            if (found?.Data is { } data && data.TryGetValue(secret.Key, out var bytes)) return (Encoding.UTF8.GetString(bytes), null);
            if (secret.Optional == true) return (null, null);
            return (null, found is null ? $"secret \"{secret.Name}\" not found" : $"couldn't find key {secret.Key} in Secret {ns}/{secret.Name}");
        }
        return (null, "a variable's valueFrom names no source that this node knows");
    }
}
