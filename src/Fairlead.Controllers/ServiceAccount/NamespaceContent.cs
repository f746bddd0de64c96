using Fairlead.Controllers.Cache;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using k8s;
using k8s.Models;

namespace Fairlead.Controllers.ServiceAccount;

/// <summary>Objects that every active namespace is given.</summary>
internal static class NamespaceContent
{
    public static bool IsWanted(Caches caches, string ns) =>
        caches.Namespaces.Items.GetValueOrDefault(new ObjectKey("", ns)) is { Meta.IsDeleting: false, Phase: not "Terminating" };

    /// <summary>Creates the object; one that is there already, or a namespace that began to go, is no failure.</summary>
    public static async Task CreateAsync<T>(KubeClient client, ApiResource<T> resource, T obj, CancellationToken cancel)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        try
        {
            await client.CreateAsync(resource, obj, cancel);
        }
        catch (KubeApiException e) when (e.IsAlreadyExists || e.IsNotFound || IsTerminating(e))
        {
            // Its own event, or the namespace's, brings the key back if anything is left to do.
        }
    }

    private static bool IsTerminating(KubeApiException e) =>
        e.Status?.Details?.Causes?.Any(cause => cause.Reason == "NamespaceTerminating") == true;
}
