using System.Net;
using Fairlead.Ingress.Metrics;
using Fairlead.Ingress.Routes;
using Fairlead.Ingress.Tls;
using Fairlead.Kube;
using Microsoft.Extensions.Logging;

namespace Fairlead.Ingress.Proxy.Lean;

/// <summary>What the lean path decides by: the same objects as Kestrel's path, so that one swap of the snapshot changes both.</summary>
internal sealed record LeanRules(
    SnapshotHolder Holder, CertificateChooser Certificates, ForwardedHeaders Forwarded, AccessLog? Access, int HttpsPort, ILogger Log, TimeProvider Time)
{
    internal Balancer Balancer { get; } = new(Time);

    /// <summary>From where connections begin with a PROXY header, which is believed.</summary>
    internal EquatableArray<IPNetwork> ProxyProtocolFrom { get; init; }

    /// <summary>How long a client may take for the head of a request, and for a TLS handshake.</summary>
    internal TimeSpan HeadPatience { get; init; } = TimeSpan.FromSeconds(30);
}
