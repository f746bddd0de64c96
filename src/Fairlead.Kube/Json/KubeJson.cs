using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using k8s;
using k8s.Models;

namespace Fairlead.Kube.Json;

/// <summary>Serialization of Kubernetes objects by KubernetesClient's generated metadata; no reflection.</summary>
public static class KubeJson
{
    public static JsonSerializerOptions Options { get; } = Create();

    /// <summary>Metadata for one of KubernetesClient's models.</summary>
    /// <exception cref="InvalidOperationException">The type is not one of KubernetesClient's models.</exception>
    public static JsonTypeInfo<T> TypeInfo<T>() => (JsonTypeInfo<T>)Options.GetTypeInfo(typeof(T));

    public static byte[] Serialize<T>(T value) => JsonSerializer.SerializeToUtf8Bytes(value, TypeInfo<T>());

    public static T Deserialize<T>(ReadOnlySpan<byte> utf8) =>
        JsonSerializer.Deserialize(utf8, TypeInfo<T>()) ?? throw new JsonException("The document is null.");

    private static JsonSerializerOptions Create()
    {
        var options = new JsonSerializerOptions
        {
            TypeInfoResolver = KubeJsonContext.Default.WithAddedModifier(LeaveOutManagedFields),
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        };
        options.Converters.Add(new KubernetesJson.KubernetesDateTimeConverter());
        options.Converters.Add(new KubernetesJson.KubernetesDateTimeOffsetConverter());
        options.Converters.Add(new KubernetesJson.Iso8601TimeSpanConverter());
        return options;
    }

    /// <summary>
    /// Who owns which field is often the largest part of an object, and of no use to a part: what it replaces without them keeps those
    /// that the server has (Kubernetes documentation, "Server-Side Apply", clearing managedFields).
    /// </summary>
    private static void LeaveOutManagedFields(JsonTypeInfo info)
    {
        if (info.Type != typeof(V1ObjectMeta)) return;
        foreach (var property in info.Properties.Where(property => property.Name == "managedFields").ToList()) info.Properties.Remove(property);
    }
}
