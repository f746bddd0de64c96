using System.Text.RegularExpressions;
using Fairlead.Ingress.Annotations;
using Fairlead.Ingress.Routes.Objects;
using Fairlead.Ingress.Tls;
using Fairlead.Kube;

namespace Fairlead.Ingress.Routes;

/// <summary>Where requests for one path of one host go. Immutable.</summary>
internal sealed record Route
{
    public required ObjectKey Ingress { get; init; }

    /// <summary>Lower case; *.example.com; empty for every host.</summary>
    public required string Host { get; init; }

    public required string Path { get; init; }

    public required PathKind Kind { get; init; }

    public required RouteOptions Options { get; init; }

    /// <summary>Null where only a redirect is meant.</summary>
    public required Backend? Backend { get; init; }

    /// <summary>The path lacks the slash at its end, and the client is to ask with it.</summary>
    public bool LacksSlash { get; init; }

    /// <summary>Answers where the backend has no endpoints (annotation default-backend).</summary>
    public Backend? Fallback { get; init; }

    /// <summary>Answers in place of errors (annotation custom-http-errors): the default backend of the Ingress, else that of all.</summary>
    public Backend? ErrorPages { get; init; }

    /// <summary>The host has a certificate of its own, which redirects to https.</summary>
    public bool HasTls { get; init; }

    /// <summary>What the host asks of its clients; null: nothing.</summary>
    public ClientAuth? ClientAuth { get; init; }

    /// <summary>The same host and path of a canary Ingress, or null.</summary>
    public Route? Canary { get; init; }

    /// <summary>Where a regular expression decides; it begins at the path's first character.</summary>
    public Regex? Pattern { get; init; }

    /// <summary>Nothing but plain HTTP is asked for: the lean path serves it. Decided once, when the table is built.</summary>
    public bool IsLean { get; init; }

    /// <summary>Counts of this Ingress and service; the same object over all changes.</summary>
    public required Metrics.RouteMetrics Metrics { get; init; }
}
