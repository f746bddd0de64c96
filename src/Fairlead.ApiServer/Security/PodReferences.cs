using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Security;

/// <summary>Which Secrets or ConfigMaps a pod names: in volumes, environment and image pull secrets.</summary>
internal static class PodReferences
{
    public static IEnumerable<string> Names(JsonObject spec, bool secrets) => (secrets ? Secrets(spec) : ConfigMaps(spec)).OfType<string>();

    private static IEnumerable<string?> Secrets(JsonObject spec) =>
    [
        .. spec.Items("volumes").Select(volume => volume.Item.Text("secret", "secretName")),
        .. Projections(spec).Select(source => source.Text("secret", "name")),
        .. spec.Items("imagePullSecrets").Select(reference => reference.Item.Text("name")),
        .. Environment(spec, "secretKeyRef", "secretRef"),
    ];

    private static IEnumerable<string?> ConfigMaps(JsonObject spec) =>
    [
        .. spec.Items("volumes").Select(volume => volume.Item.Text("configMap", "name")),
        .. Projections(spec).Select(source => source.Text("configMap", "name")),
        .. Environment(spec, "configMapKeyRef", "configMapRef"),
    ];

    private static IEnumerable<JsonObject> Projections(JsonObject spec) =>
        spec.Items("volumes").SelectMany(volume => volume.Item.Items("projected", "sources")).Select(source => source.Item);

    private static IEnumerable<string?> Environment(JsonObject spec, string oneKey, string allKeys)
    {
        foreach (var list in (string[])["initContainers", "containers", "ephemeralContainers"])
        {
            foreach (var (_, container) in spec.Items(list))
            {
                foreach (var (_, variable) in container.Items("env")) yield return variable.Text("valueFrom", oneKey, "name");
                foreach (var (_, source) in container.Items("envFrom")) yield return source.Text(allKeys, "name");
            }
        }
    }
}
