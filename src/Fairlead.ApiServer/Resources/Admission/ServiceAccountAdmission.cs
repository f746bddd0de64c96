using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Watch;
using Fairlead.Kube;

namespace Fairlead.ApiServer.Resources.Admission;

/// <summary>
/// Pods run as a service account that exists, use its image pull secrets, and find its token, the cluster's certificate and their
/// namespace in a folder of every container (Kubernetes documentation: "Configure Service Accounts for Pods").
/// </summary>
internal sealed class ServiceAccountAdmission(ObjectCache cache, KindTable kinds) : IAdmissionPlugin
{
    private const string MountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
    private const string VolumePrefix = "kube-api-access-";
    private const string MirrorAnnotation = "kubernetes.io/config.mirror";
    private readonly Kind _accounts = kinds.Find("", "v1", "serviceaccounts")!;

    public string Name => "ServiceAccount";

    public void Admit(Kind kind, JsonObject obj)
    {
        if (kind.Name != "Pod" || kind.Group.Length > 0) return;
        // A static pod's mirror shows what the node runs already.
        if (obj.Text("metadata", "annotations", MirrorAnnotation) is not null) return;
        var spec = obj.Child("spec");
        var ns = obj.Text("metadata", "namespace")!;
        var name = spec.Text("serviceAccountName")!;
        if (cache.Find(_accounts, _accounts.Key(ns, name)) is not { } account)
            throw ApiError.Forbidden("pods", obj.Text("metadata", "name")!, $"error looking up service account {ns}/{name}: serviceaccount \"{name}\" not found");
        var tree = account.ToTree();
        if (spec.Array("imagePullSecrets") is not { Count: > 0 } && tree.Array("imagePullSecrets") is { Count: > 0 } secrets) spec["imagePullSecrets"] = secrets.DeepClone();
        if (spec.Flag("automountServiceAccountToken") ?? tree.Flag("automountServiceAccountToken") ?? true) Mount(spec);
    }

    private static void Mount(JsonObject spec)
    {
        var without = new[] { "initContainers", "containers" }.SelectMany(list => spec.Items(list))
            .Select(pair => pair.Item).Where(container => container.Items("volumeMounts").All(mount => mount.Item.Text("mountPath") != MountPath)).ToList();
        if (without.Count == 0) return;
        var volume = ObjectNames.Generate(VolumePrefix);
        if (spec.Array("volumes") is null) spec["volumes"] = new JsonArray();
        spec.Array("volumes")!.Add((JsonNode)Volume(volume));
        foreach (var container in without)
        {
            if (container.Array("volumeMounts") is null) container["volumeMounts"] = new JsonArray();
            container.Array("volumeMounts")!.Add((JsonNode)new JsonObject { ["name"] = volume, ["readOnly"] = true, ["mountPath"] = MountPath });
        }
    }

    private static JsonObject Volume(string name) => new()
    {
        ["name"] = name,
        ["projected"] = new JsonObject
        {
            ["sources"] = new JsonArray(
                // A little over an hour, by which Kubernetes tells its own tokens from those that users ask for.
                new JsonObject { ["serviceAccountToken"] = new JsonObject { ["expirationSeconds"] = 3607, ["path"] = "token" } },
                new JsonObject { ["configMap"] = new JsonObject { ["name"] = "kube-root-ca.crt", ["items"] = new JsonArray(new JsonObject { ["key"] = "ca.crt", ["path"] = "ca.crt" }) } },
                new JsonObject
                {
                    ["downwardAPI"] = new JsonObject
                    {
                        ["items"] = new JsonArray(new JsonObject { ["path"] = "namespace", ["fieldRef"] = new JsonObject { ["apiVersion"] = "v1", ["fieldPath"] = "metadata.namespace" } }),
                    },
                }),
            ["defaultMode"] = 420,
        },
    };
}
