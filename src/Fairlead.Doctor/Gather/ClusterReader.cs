using System.Net;
using Fairlead.Doctor.Diagnose;
using Fairlead.Doctor.Observe;
using Fairlead.Doctor.Snapshot;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using k8s.Models;

namespace Fairlead.Doctor.Gather;

/// <summary>Reads the objects that judging needs, and has the nodes of this machine looked at.</summary>
internal sealed class ClusterReader(KubeClient client, ILocalCluster? local, TimeProvider time)
{
    private const int MostServicesAtOnce = 128;
    private static readonly ObjectKey DnsService = new("kube-system", "kube-dns");

    /// <summary>The cases of services, by name, as far as they exist.</summary>
    /// <param name="ns">Null: of all namespaces.</param>
    /// <param name="names">Null: all.</param>
    internal async Task<IReadOnlyList<ServiceCase>> ServicesAsync(string? ns, IReadOnlyCollection<string>? names, Action<int, int>? progress, CancellationToken cancel)
    {
        var start = time.GetTimestamp();
        var services = client.ListAsync(ApiResources.Services, ns, ListOptions.All, cancel);
        var pods = client.ListAsync(ApiResources.Pods, ns, ListOptions.All, cancel);
        var slices = client.ListAsync(ApiResources.EndpointSlices, ns, ListOptions.All, cancel);
        var events = client.ListAsync(ApiResources.Events, ns, ListOptions.All, cancel);
        var nodes = NodesAsync(cancel);
        await Task.WhenAll(services, pods, slices, events, nodes);
        var took = time.GetElapsedTime(start);
        var (dns, dnsSlices) = await DnsAsync(cancel);
        var podsOf = pods.Result.Items.ToLookup(pod => pod.Metadata.NamespaceProperty).ToDictionary(group => group.Key, group => (IReadOnlyList<V1Pod>)[.. group]);
        var eventsOf = events.Result.Items.ToLookup(found => found.Metadata.NamespaceProperty).ToDictionary(group => group.Key, group => (IReadOnlyList<Corev1Event>)[.. group]);
        var slicesOf = slices.Result.Items.ToLookup(slice => new ObjectKey(slice.Metadata.NamespaceProperty, slice.Metadata.Labels is { } labels && labels.TryGetValue("kubernetes.io/service-name", out var name) ? name : ""));
        var chosen = services.Result.Items.Where(service => names?.Contains(service.Metadata.Name) != false).OrderBy(service => ObjectKey.Of(service).ToString(), StringComparer.Ordinal).ToList();
        using var observer = local is null ? null : new Observer(local, time);
        var cases = new ServiceCase[chosen.Count];
        var done = 0;
        await Parallel.ForAsync(0, chosen.Count, new ParallelOptions { MaxDegreeOfParallelism = MostServicesAtOnce, CancellationToken = cancel }, async (index, stop) =>
        {
            var service = chosen[index];
            var found = new ServiceCase
            {
                Service = service,
                Pods = podsOf.GetValueOrDefault(service.Metadata.NamespaceProperty, []),
                Slices = [.. slicesOf[ObjectKey.Of(service)]],
                Events = eventsOf.GetValueOrDefault(service.Metadata.NamespaceProperty, []),
                Nodes = nodes.Result,
                Now = time.GetUtcNow(),
                ReadTook = took,
            };
            cases[index] = observer is null ? found : found with { Seen = await observer.OfServiceAsync(found, dns, dnsSlices, stop) };
            progress?.Invoke(Interlocked.Increment(ref done), chosen.Count);
        });
        return cases;
    }

    internal async Task<IngressCase?> IngressAsync(string ns, string name, CancellationToken cancel)
    {
        var start = time.GetTimestamp();
        var ingresses = (await client.ListAsync(ApiResources.Ingresses, null, ListOptions.All, cancel)).Items;
        if (ingresses.FirstOrDefault(found => found.Metadata.Name == name && found.Metadata.NamespaceProperty == ns) is not { } ingress) return null;
        var classes = client.ListAsync(ApiResources.IngressClasses, null, ListOptions.All, cancel);
        var events = client.ListAsync(ApiResources.Events, ns, ListOptions.All, cancel);
        var secrets = SecretsAsync(ingress, cancel);
        var services = IngressCheck.Of(ingress).Select(backend => backend.Service?.Name).OfType<string>().Distinct().ToList();
        await Task.WhenAll(classes, events, secrets);
        var took = time.GetElapsedTime(start);
        using var observer = local is null ? null : new Observer(local, time);
        return new IngressCase
        {
            Ingress = ingress,
            All = ingresses,
            Classes = classes.Result.Items,
            Secrets = secrets.Result,
            Backends = await ServicesAsync(ns, services, null, cancel),
            Events = events.Result.Items,
            Now = time.GetUtcNow(),
            ReadTook = took,
            Seen = observer is null ? Observations.None : new Observations { HasNodes = true, Requests = await observer.RequestsAsync(ingress, cancel) },
        };
    }

    internal async Task<PodCase?> PodAsync(string ns, string name, CancellationToken cancel)
    {
        var start = time.GetTimestamp();
        if (await client.FindAsync(ApiResources.Pods, ns, name, cancel) is not { } pod) return null;
        var services = client.ListAsync(ApiResources.Services, ns, ListOptions.All, cancel);
        var events = client.ListAsync(ApiResources.Events, ns, ListOptions.All, cancel);
        var nodes = NodesAsync(cancel);
        await Task.WhenAll(services, events, nodes);
        var took = time.GetElapsedTime(start);
        var here = local?.FindPod(pod);
        using var observer = local is null ? null : new Observer(local, time);
        return new PodCase
        {
            Pod = pod,
            Services = services.Result.Items,
            Events = events.Result.Items,
            Nodes = nodes.Result,
            Dns = (await DnsAsync(cancel)).Service,
            ResolvConf = here?.ResolvConf,
            Answer = here is null || observer is null ? null : await observer.FromPodAsync(name, here, "kubernetes.default", cancel),
            Now = time.GetUtcNow(),
            ReadTook = took,
            Seen = here is null || observer is null ? Observations.None : new Observations { HasNodes = true, Sockets = observer.Sockets(pod) is { } sockets ? [sockets] : [] },
        };
    }

    internal async Task<(V1Service? Service, IReadOnlyList<V1EndpointSlice> Slices)> DnsAsync(CancellationToken cancel)
    {
        try
        {
            var service = await client.FindAsync(ApiResources.Services, DnsService.Namespace, DnsService.Name, cancel);
            var slices = await client.ListAsync(ApiResources.EndpointSlices, DnsService.Namespace, new ListOptions { LabelSelector = $"kubernetes.io/service-name={DnsService.Name}" }, cancel);
            return (service, slices.Items);
        }
        catch (KubeApiException e) when (e.Code == HttpStatusCode.Forbidden)
        {
            // Who may read one namespace only asks no DNS questions.
            return (null, []);
        }
    }

    /// <summary>None where they may not be listed: nodes are nobody's in particular.</summary>
    private async Task<IReadOnlyList<V1Node>> NodesAsync(CancellationToken cancel)
    {
        try
        {
            return (await client.ListAsync(ApiResources.Nodes, null, ListOptions.All, cancel)).Items;
        }
        catch (KubeApiException e) when (e.Code == HttpStatusCode.Forbidden)
        {
            return [];
        }
    }

    private async Task<IReadOnlyList<TlsSecret>?> SecretsAsync(V1Ingress ingress, CancellationToken cancel)
    {
        var found = new List<TlsSecret>();
        try
        {
            foreach (var name in (ingress.Spec?.Tls ?? []).Select(tls => tls.SecretName).Where(name => !string.IsNullOrEmpty(name)).Distinct())
                found.Add(new TlsSecret(new ObjectKey(ingress.Metadata.NamespaceProperty, name), await client.FindAsync(ApiResources.Secrets, ingress.Metadata.NamespaceProperty, name, cancel)));
            return found;
        }
        catch (KubeApiException e) when (e.Code == HttpStatusCode.Forbidden)
        {
            return null;
        }
    }
}
