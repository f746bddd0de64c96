using System.Text.Json.Nodes;
using Fairlead.Controllers.Cache;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using k8s.Models;

namespace Fairlead.Controllers.ServiceAccount;

/// <summary>
/// Publishes the cluster's authority as ConfigMap kube-root-ca.crt in every active namespace, where pods find it beside
/// their token (Kubernetes documentation: "Managing Service Accounts", bound service account tokens).
/// </summary>
internal sealed class RootCertificateController : KeyedController<string>
{
    private readonly Caches _caches;
    private readonly KubeClient _client;
    private readonly string? _certificate;

    public RootCertificateController(ControllerContext context)
        : base("rootca", workers: 1, context.Log("RootCertificate"), context.Time)
    {
        _caches = context.Caches;
        _client = context.Client;
        _certificate = context.Options.RootCertificate;
        if (_certificate is null) return;
        _caches.Namespaces.Changed += change => Queue.Add(change.Key.Name);
        _caches.ConfigMaps.Changed += change =>
        {
            if (change.Key.Name == ConfigMapItem.RootName) Queue.Add(change.Key.Namespace);
        };
    }

    protected override async Task SyncAsync(string key, CancellationToken cancel)
    {
        if (!NamespaceContent.IsWanted(_caches, key)) return;
        var name = new ObjectKey(key, ConfigMapItem.RootName);
        if (_caches.ConfigMaps.Items.GetValueOrDefault(name) is not { } present)
            await NamespaceContent.CreateAsync(_client, ApiResources.ConfigMaps, Compose(key), cancel);
        else if (present.RootCertificate != _certificate)
            await _client.PatchAsync(ApiResources.ConfigMaps, name, Patch.Json(Replacement()), null, cancel);
    }

    private V1ConfigMap Compose(string ns) => new()
    {
        Metadata = new V1ObjectMeta
        {
            Name = ConfigMapItem.RootName,
            NamespaceProperty = ns,
            Annotations = new Dictionary<string, string>
            {
                ["kubernetes.io/description"] = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
                    + "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.",
            },
        },
        Data = new Dictionary<string, string> { [ConfigMapItem.RootKey] = _certificate! },
    };

    /// <summary>The whole data, so that foreign keys go too.</summary>
    private JsonArray Replacement() =>
        new(new JsonObject { ["op"] = "add", ["path"] = "/data", ["value"] = new JsonObject { [ConfigMapItem.RootKey] = _certificate } });
}
