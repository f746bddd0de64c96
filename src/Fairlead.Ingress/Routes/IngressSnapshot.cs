using Fairlead.Ingress.Annotations;
using Fairlead.Ingress.Tls;
using Fairlead.Kube;

namespace Fairlead.Ingress.Routes;

/// <summary>All that requests are decided by, at one moment. Swapped as a whole.</summary>
internal sealed record IngressSnapshot(RouteTable Routes, CertificateTable Certificates)
{
    internal static readonly IngressSnapshot Empty = new(RouteTable.Empty, CertificateTable.Empty);
}

/// <summary>The present snapshot: one writer, any readers.</summary>
internal sealed class SnapshotHolder
{
    private IngressSnapshot _current = IngressSnapshot.Empty;

    internal IngressSnapshot Current
    {
        get => Volatile.Read(ref _current);
        set => Volatile.Write(ref _current, value);
    }
}

/// <summary>A problem that an Ingress did not have before.</summary>
internal readonly record struct NewProblem(ObjectKey Ingress, string Uid, Problem Problem);
