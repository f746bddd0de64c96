using System.Net;
using Fairlead.Ingress.Metrics;
using Fairlead.Kube;

namespace Fairlead.Ingress;

/// <summary>Settings of the ingress.</summary>
public sealed record IngressOptions
{
    public const string DefaultClass = "fairlead";
    public const string DefaultController = "fairlead.dev/ingress";

    /// <summary>Where to listen for plain HTTP; none: not at all. Port 0 takes a free one.</summary>
    public IReadOnlyList<IPEndPoint> Http { get; init; } = [new(IPAddress.Any, 80)];

    /// <summary>Where to listen for TLS.</summary>
    public IReadOnlyList<IPEndPoint> Https { get; init; } = [new(IPAddress.Any, 443)];

    /// <summary>Where /healthz, /metrics are; none: nowhere.</summary>
    public IReadOnlyList<IPEndPoint> Status { get; init; } = [];

    /// <summary>By which clients reach the listeners, for redirects and X-Forwarded-Port.</summary>
    public int PublicHttpPort { get; init; } = 80;

    public int PublicHttpsPort { get; init; } = 443;

    /// <summary>What kubernetes.io/ingress.class says for us.</summary>
    public string IngressClass { get; init; } = DefaultClass;

    /// <summary>spec.controller of our IngressClasses; k8s.io/ingress-nginx takes over those of ingress-nginx.</summary>
    public string Controller { get; init; } = DefaultController;

    /// <summary>Ingresses without a class are served even where no class of ours is the default.</summary>
    public bool WatchWithoutClass { get; init; }

    /// <summary>The Service whose addresses go into the status of Ingresses; null: <see cref="StatusAddresses"/> do.</summary>
    public ObjectKey? PublishService { get; init; }

    public IReadOnlyList<string> StatusAddresses { get; init; } = [];

    /// <summary>Answers what no Ingress does; null: 404.</summary>
    public ObjectKey? DefaultBackend { get; init; }

    /// <summary>This proxy stands behind another, whose X-Forwarded-* fields are believed.</summary>
    public bool UseForwardedHeaders { get; init; }

    /// <summary>Load balancers in front whose connections begin with a PROXY header, version 1 or 2; from elsewhere such a header is no HTTP, and refused.</summary>
    public IReadOnlyList<IPNetwork> ProxyProtocolFrom { get; init; } = [];

    /// <summary>This node, for Events, and to tell whether the status is its to write; empty: it is.</summary>
    public string NodeName { get; init; } = "";

    /// <summary>Where requests are logged; null: nowhere.</summary>
    public Stream? AccessLog { get; init; }

    public AccessLogFormat AccessLogFormat { get; init; }

    /// <summary>How long a client may take for the head of a request, and for a TLS handshake.</summary>
    public TimeSpan HeaderTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long requests may take to end when it is asked to stop.</summary>
    public TimeSpan ShutdownGrace { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Addresses of a host name (type ExternalName); null: this machine's resolver.</summary>
    public Func<string, CancellationToken, Task<IPAddress[]>>? Resolve { get; init; }

    /// <summary>Everything that is wrong; empty when nothing is.</summary>
    public IReadOnlyList<string> Validate()
    {
        var errors = new List<string>();
        if (Http.Count + Https.Count == 0) errors.Add("there is no address to listen at");
        if (string.IsNullOrEmpty(IngressClass)) errors.Add("the ingress class must have a name");
        if (string.IsNullOrEmpty(Controller)) errors.Add("the controller must have a name");
        if (PublicHttpPort is < 1 or > 65535 || PublicHttpsPort is < 1 or > 65535) errors.Add("public ports are between 1 and 65535");
        if (HeaderTimeout <= TimeSpan.Zero) errors.Add("the time for a request's head must be positive");
        if (ShutdownGrace < TimeSpan.Zero) errors.Add("the time to shut down must not be negative");
        return errors;
    }
}
