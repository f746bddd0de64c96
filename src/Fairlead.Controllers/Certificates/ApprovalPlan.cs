using System.Net;
using Fairlead.Controllers.Cache;
using Fairlead.Kube.Certificates;

namespace Fairlead.Controllers.Certificates;

/// <summary>What is approved without anybody's doing.</summary>
/// <param name="Message">Of the condition.</param>
/// <param name="Permission">The subresource that the requestor must be allowed to create; null: nothing is left to ask.</param>
internal sealed record Approval(string Message, string? Permission);

/// <summary>
/// Certificates that nodes ask for (Kubernetes documentation: "TLS bootstrapping", section "Approval"). Whether the requestor may have a
/// client certificate is RBAC's to say; serving certificates, which Kubernetes leaves to the administrator, are approved here for the node
/// itself: with its own name, and with addresses that its Node has and that are neither the API server's nor another node's. That much
/// lets clients of the kubelet API check whom they reach; more would let a node answer for somebody else.
/// </summary>
internal static class ApprovalPlan
{
    /// <param name="serverNames">Names and addresses of the API server's certificate.</param>
    /// <returns>Null: it is somebody's else to decide, for now at least.</returns>
    public static Approval? Decide(
        CertificateRequestItem item, SigningRequest request, IReadOnlyDictionary<string, NodeItem> nodes, IReadOnlyCollection<string> serverNames)
    {
        if (item.IsApproved || item.IsDenied || !IsOfNode(request)) return null;
        var isOwn = item.User == request.CommonName;
        return item.Signer switch
        {
            Signers.NodeClient when IsClient(item, request) => isOwn
                ? new Approval("Auto approving self kubelet client certificate after SubjectAccessReview.", "selfnodeclient")
                : new Approval("Auto approving kubelet client certificate after SubjectAccessReview.", "nodeclient"),
            Signers.NodeServing when isOwn && item.Groups.Contains(Signers.NodeGroup) && IsServing(item, request) && AreOwn(request, nodes, serverNames) =>
                new Approval("Auto approving kubelet serving certificate for the node's own name and addresses.", null),
            _ => null,
        };
    }

    /// <summary>Whether a change of this node may change what is decided about the request.</summary>
    public static bool WaitsFor(CertificateRequestItem item, string node) =>
        item is { IsApproved: false, IsDenied: false, Signer: Signers.NodeServing } && item.User == Signers.NodeUserPrefix + node;

    /// <summary>The rules of the signer for a node's client certificate, which signing checks again.</summary>
    public static bool IsClient(CertificateRequestItem item, SigningRequest request) =>
        IsOfNode(request) && request is { DnsNames: [], Addresses: [], HasOtherNames: false } && HasUsages(item, "client auth");

    /// <summary>The same for the kubelet API.</summary>
    public static bool IsServing(CertificateRequestItem item, SigningRequest request) =>
        IsOfNode(request) && request.DnsNames.Length + request.Addresses.Length > 0 && !request.HasOtherNames && HasUsages(item, "server auth");

    private static bool IsOfNode(SigningRequest request) =>
        request.Organizations is [Signers.NodeGroup] && request.CommonName.StartsWith(Signers.NodeUserPrefix, StringComparison.Ordinal);

    /// <summary>Exactly these; keys that are RSA are used for encipherment as well.</summary>
    private static bool HasUsages(CertificateRequestItem item, string purpose)
    {
        var usages = item.Usages.ToHashSet();
        usages.Remove("key encipherment");
        return usages.SetEquals(["digital signature", purpose]);
    }

    private static bool AreOwn(SigningRequest request, IReadOnlyDictionary<string, NodeItem> nodes, IReadOnlyCollection<string> serverNames)
    {
        var name = request.CommonName[Signers.NodeUserPrefix.Length..];
        if (!nodes.TryGetValue(name, out var node) || serverNames.Contains(name) || request.DnsNames.Any(asked => asked != name)) return false;
        return request.Addresses.All(address => node.Addresses.Contains(address.ToString()) && !IPAddress.IsLoopback(address) && !serverNames.Contains(address.ToString())
            && !nodes.Values.Any(other => other.Name != name && other.Addresses.Contains(address.ToString())));
    }
}
