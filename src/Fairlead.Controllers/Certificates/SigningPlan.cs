using Fairlead.Controllers.Cache;
using Fairlead.Kube.Certificates;

namespace Fairlead.Controllers.Certificates;

/// <summary>What each signer signs (Kubernetes documentation: "Certificates and Certificate Signing Requests", section "Kubernetes signers").</summary>
internal static class SigningPlan
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMinutes(10);
    private static readonly string[] ClientUsages = ["digital signature", "key encipherment", "client auth"];

    /// <summary>Whether it is to be signed here, now.</summary>
    public static bool IsDue(CertificateRequestItem item) =>
        item is { IsApproved: true, IsDenied: false, HasFailed: false, IsIssued: false } && item.Signer is Signers.Client or Signers.NodeClient or Signers.NodeServing;

    /// <summary>Why the signer does not sign this though it was approved; null: it does.</summary>
    public static string? Refuse(CertificateRequestItem item, SigningRequest? request) => item.Signer switch
    {
        _ when request is null => "the request cannot be read",
        Signers.NodeClient when !ApprovalPlan.IsClient(item, request) =>
            "a node's client certificate has the subject O=system:nodes, CN=system:node:NAME, no alternative names, and the usages digital signature and client auth",
        Signers.NodeServing when !ApprovalPlan.IsServing(item, request) =>
            "a node's serving certificate has the subject O=system:nodes, CN=system:node:NAME, alternative names that are DNS names or addresses, and the usages digital signature and server auth",
        Signers.Client when !item.Usages.Contains("client auth") => "a client's certificate has the usage client auth",
        Signers.Client when item.Usages.Except(ClientUsages).FirstOrDefault() is { } other => $"a client's certificate has no usage \"{other}\"",
        _ => null,
    };

    /// <summary>As long as is asked, but neither longer than the signer's own measure nor so short that it ends before it is used.</summary>
    public static TimeSpan Life(CertificateRequestItem item, TimeSpan longest)
    {
        var asked = item.Life ?? longest;
        return asked > longest ? longest : asked < Shortest ? Shortest : asked;
    }
}
