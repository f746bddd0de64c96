using Fairlead.ApiServer.Resources.Strategies;

namespace Fairlead.ApiServer.Resources.Kinds;

/// <summary>Who may do what: roles and their bindings, who gets a certificate; and the reviews, which are questions that are answered rather than kept.</summary>
internal static class SecurityKinds
{
    private const string Rbac = "rbac.authorization.k8s.io";
    private const string Authorization = "authorization.k8s.io";
    private const string Authentication = "authentication.k8s.io";

    public static IEnumerable<Kind> Rows() =>
    [
        new(Rbac, "v1", "Role", "roles", true, "V1Role") { IsMadeByUpdate = true, Strategy = RoleStrategy.Instance },
        new(Rbac, "v1", "RoleBinding", "rolebindings", true, "V1RoleBinding") { IsMadeByUpdate = true, Strategy = new RoleBindingStrategy("Role", "ClusterRole") },
        new(Rbac, "v1", "ClusterRole", "clusterroles", false, "V1ClusterRole") { IsMadeByUpdate = true, Strategy = RoleStrategy.Instance },
        new(Rbac, "v1", "ClusterRoleBinding", "clusterrolebindings", false, "V1ClusterRoleBinding") { IsMadeByUpdate = true, Strategy = new RoleBindingStrategy("ClusterRole") },
        new("certificates.k8s.io", "v1", "CertificateSigningRequest", "certificatesigningrequests", false, "V1CertificateSigningRequest")
        {
            ShortNames = ["csr"], HasStatus = true, Strategy = new CertificateSigningRequestStrategy(), SelectableFields = Kind.Fields("spec.signerName"),
            Subresources = [new("approval", "certificates.k8s.io", "v1", "CertificateSigningRequest", "get", "patch", "update")],
        },
        Review(Authorization, "SubjectAccessReview", false),
        Review(Authorization, "SelfSubjectAccessReview", false),
        Review(Authorization, "LocalSubjectAccessReview", true),
        Review(Authorization, "SelfSubjectRulesReview", false),
        Review(Authentication, "TokenReview", false),
        Review(Authentication, "SelfSubjectReview", false),
    ];

    private static Kind Review(string group, string name, bool namespaced) =>
        new(group, "v1", name, name.ToLowerInvariant() + "s", namespaced, "V1" + name) { IsStored = false, Verbs = ["create"] };
}
