using Fairlead.Kube;
using k8s.Models;

namespace Fairlead.Doctor.Snapshot;

/// <summary>All that judging needs of one service.</summary>
internal sealed record ServiceCase
{
    public required V1Service Service { get; init; }

    private IReadOnlyList<V1Pod>? _selected;

    /// <summary>All pods of its namespace: the nearest misses are among those that it does not select.</summary>
    public IReadOnlyList<V1Pod> Pods
    {
        get;
        init
        {
            field = value;
            _selected = null;
        }
    } = [];

    /// <summary>Its own.</summary>
    public IReadOnlyList<V1EndpointSlice> Slices { get; init; } = [];

    /// <summary>Of its namespace.</summary>
    public IReadOnlyList<Corev1Event> Events { get; init; } = [];
    public IReadOnlyList<V1Node> Nodes { get; init; } = [];
    public required DateTimeOffset Now { get; init; }
    public string ClusterDomain { get; init; } = "cluster.local";

    /// <summary>How long reading the objects took.</summary>
    public TimeSpan ReadTook { get; init; }
    public Observations Seen { get; init; } = Observations.None;

    public string Namespace => Service.Metadata.NamespaceProperty;
    public string Name => Service.Metadata.Name;
    public string About => $"svc/{Name}";
    public string Type => Service.Spec?.Type ?? "ClusterIP";
    public bool IsHeadless => Service.Spec?.ClusterIP == "None";
    public bool IsExternalName => Type == "ExternalName";
    public bool HasSelector => Service.Spec?.Selector is { Count: > 0 };
    public IReadOnlyList<V1ServicePort> Ports => Service.Spec?.Ports as IReadOnlyList<V1ServicePort> ?? [.. Service.Spec?.Ports ?? []];
    public string FullName => $"{Name}.{Namespace}.svc.{ClusterDomain}";

    /// <summary>Pods that the selector takes and that have not ended.</summary>
    public IReadOnlyList<V1Pod> Selected => _selected ??= Select();

    private IReadOnlyList<V1Pod> Select()
    {
        if (!HasSelector) return [];
        var selector = Kube.Selectors.LabelSelector.FromMap(Service.Spec.Selector);
        return [.. Pods.Where(pod => pod.Status?.Phase is not ("Succeeded" or "Failed") && selector.Matches(pod.Metadata.Labels))];
    }
}

/// <summary>What an Ingress' TLS entry names.</summary>
/// <param name="Secret">Null: there is none.</param>
internal sealed record TlsSecret(ObjectKey Key, V1Secret? Secret);

/// <summary>All that judging needs of one Ingress.</summary>
internal sealed record IngressCase
{
    public required V1Ingress Ingress { get; init; }

    /// <summary>Of all namespaces: two may claim one host.</summary>
    public IReadOnlyList<V1Ingress> All { get; init; } = [];
    public IReadOnlyList<V1IngressClass> Classes { get; init; } = [];

    /// <summary>The secrets that its TLS entries name; null when they may not be read.</summary>
    public IReadOnlyList<TlsSecret>? Secrets { get; init; } = [];

    /// <summary>The services of its namespace that it names, as far as they exist.</summary>
    public IReadOnlyList<ServiceCase> Backends { get; init; } = [];
    public IReadOnlyList<Corev1Event> Events { get; init; } = [];
    public required DateTimeOffset Now { get; init; }
    public TimeSpan ReadTook { get; init; }
    public Observations Seen { get; init; } = Observations.None;

    public string Namespace => Ingress.Metadata.NamespaceProperty;
    public string Name => Ingress.Metadata.Name;
    public string About => $"ingress/{Name}";
}

/// <summary>All that judging needs of one pod, as a client and as a server.</summary>
internal sealed record PodCase
{
    public required V1Pod Pod { get; init; }
    public IReadOnlyList<V1Service> Services { get; init; } = [];
    public IReadOnlyList<Corev1Event> Events { get; init; } = [];
    public IReadOnlyList<V1Node> Nodes { get; init; } = [];

    /// <summary>The cluster's DNS service; null when there is none.</summary>
    public V1Service? Dns { get; init; }
    public string? ResolvConf { get; init; }

    /// <summary>What its nameserver said of kubernetes.default, in the way of its search list; null when it was not asked.</summary>
    public DnsSeen? Answer { get; init; }
    public required DateTimeOffset Now { get; init; }
    public string ClusterDomain { get; init; } = "cluster.local";
    public TimeSpan ReadTook { get; init; }
    public Observations Seen { get; init; } = Observations.None;

    public string Namespace => Pod.Metadata.NamespaceProperty;
    public string Name => Pod.Metadata.Name;
    public string About => $"pod/{Name}";
}
