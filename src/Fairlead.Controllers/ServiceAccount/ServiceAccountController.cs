using Fairlead.Controllers.Cache;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using k8s.Models;

namespace Fairlead.Controllers.ServiceAccount;

/// <summary>Gives every active namespace its ServiceAccount <c>default</c>, again if it was deleted.</summary>
internal sealed class ServiceAccountController : KeyedController<string>
{
    private const string DefaultName = "default";

    private readonly Caches _caches;
    private readonly KubeClient _client;

    public ServiceAccountController(ControllerContext context)
        : base("serviceaccount", workers: 1, context.Log("ServiceAccount"), context.Time)
    {
        _caches = context.Caches;
        _client = context.Client;
        _caches.Namespaces.Changed += change => Queue.Add(change.Key.Name);
        _caches.ServiceAccounts.Changed += change =>
        {
            if (change.Key.Name == DefaultName && change.New is null) Queue.Add(change.Key.Namespace);
        };
    }

    protected override async Task SyncAsync(string key, CancellationToken cancel)
    {
        if (!NamespaceContent.IsWanted(_caches, key) || _caches.ServiceAccounts.Items.ContainsKey(new ObjectKey(key, DefaultName))) return;
        var account = new V1ServiceAccount { Metadata = new V1ObjectMeta { Name = DefaultName, NamespaceProperty = key } };
        await NamespaceContent.CreateAsync(_client, ApiResources.ServiceAccounts, account, cancel);
    }
}
