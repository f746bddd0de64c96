using Fairlead.Controllers.Cache;

namespace Fairlead.Controllers.Certificates;

/// <summary>When a request has done its work (Kubernetes documentation: "Certificates and Certificate Signing Requests", section "Request signing process").</summary>
internal static class CleaningPlan
{
    private static readonly TimeSpan Settled = TimeSpan.FromHours(1);
    private static readonly TimeSpan Pending = TimeSpan.FromHours(24);

    /// <summary>The moment from which on nobody needs it any more.</summary>
    public static DateTime Due(CertificateRequestItem item)
    {
        var isSettled = item.IsDenied || item.HasFailed || (item.IsApproved && item.IsIssued);
        var due = isSettled ? (item.Decided ?? item.Meta.Created) + Settled : item.Meta.Created + Pending;
        return item.IssuedUntil is { } end && end < due ? end : due;
    }
}
