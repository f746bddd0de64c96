using Fairlead.Ingress;
using Fairlead.Kube.Client;
using k8s;
using k8s.Models;

namespace Fairlead.Cluster;

/// <summary>What a cluster has so that Ingresses are served: a namespace, the Service with the address, and the class that is the default.</summary>
internal static class IngressObjects
{
    private const string Controller = IngressOptions.DefaultController;

    /// <summary>Makes what is missing; what is there stays as its owner has it.</summary>
    public static async Task EnsureAsync(KubeClient client, CancellationToken cancel)
    {
        var key = NodeService.Ingress.Key;
        await EnsureAsync(client, ApiResources.Namespaces, new V1Namespace { Metadata = new V1ObjectMeta { Name = key.Namespace } }, cancel);
        await EnsureAsync(client, ApiResources.IngressClasses, new V1IngressClass
        {
            Metadata = new V1ObjectMeta
            {
                Name = IngressOptions.DefaultClass,
                Annotations = new Dictionary<string, string> { ["ingressclass.kubernetes.io/is-default-class"] = "true" },
            },
            Spec = new V1IngressClassSpec { Controller = Controller },
        }, cancel);
        await EnsureAsync(client, ApiResources.Services, new V1Service
        {
            Metadata = new V1ObjectMeta { Name = key.Name, NamespaceProperty = key.Namespace },
            Spec = new V1ServiceSpec
            {
                Type = "LoadBalancer",
                // The node that receives a connection serves it, so that the client's address is seen.
                ExternalTrafficPolicy = "Local",
                Ports = [Port("http", 80), Port("https", 443)],
            },
        }, cancel);
    }

    private static V1ServicePort Port(string name, int port) =>
        new() { Name = name, Port = port, Protocol = "TCP", TargetPort = NodeService.Ingress.Ports.Single(own => own.Name == name).Port };

    private static async Task EnsureAsync<T>(KubeClient client, ApiResource<T> resource, T wanted, CancellationToken cancel) where T : class, IKubernetesObject<V1ObjectMeta>
    {
        try
        {
            await client.CreateAsync(resource, wanted, cancel);
        }
        catch (KubeApiException e) when (e.IsAlreadyExists)
        {
            // From an earlier start.
        }
    }
}
