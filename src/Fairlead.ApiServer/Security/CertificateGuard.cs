using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Resources.Strategies;
using Fairlead.ApiServer.Security.Rbac;
using Fairlead.Kube.Certificates;

namespace Fairlead.ApiServer.Security;

/// <summary>
/// Who asks for a certificate is written down by the server, and who approves or signs needs the right to for that signer
/// (Kubernetes documentation: "Certificates and Certificate Signing Requests", and the admission plugins CertificateApproval,
/// CertificateSigning and CertificateSubjectRestriction).
/// </summary>
internal sealed class CertificateGuard(Authorization authorization)
{
    public const string Group = "certificates.k8s.io";

    /// <summary>Writes the requestor into a new request; other kinds are left alone.</summary>
    /// <exception cref="ApiError">403: a client certificate of a master.</exception>
    public static void Stamp(User user, Kind kind, JsonObject obj)
    {
        if (kind.Group != Group || obj.Object("spec") is not { } spec) return;
        foreach (var field in (ReadOnlySpan<string>)["username", "uid", "groups", "extra"]) spec.Remove(field);
        spec["username"] = user.Name;
        if (user.Uid.Length > 0) spec["uid"] = user.Uid;
        if (user.Groups.Count > 0) spec["groups"] = user.Groups.ToJsonArray();
        if (user.Extra.Count > 0) spec["extra"] = new JsonObject(user.Extra.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value.ToJsonArray())));
        if (spec.Text("signerName") == Signers.Client && CertificateSigningRequestStrategy.Read(spec.Text("request") ?? "") is { } request && request.Organizations.Contains(User.Masters))
            throw ApiError.Forbidden(kind.QualifiedPlural, obj.Text("metadata", "name") ?? "", $"use of {Signers.Client} signer with {User.Masters} group is not allowed");
    }

    /// <param name="verb">approve or sign.</param>
    /// <exception cref="ApiError">403: he may not, for that signer.</exception>
    public void Check(User user, Kind kind, JsonObject request, string verb)
    {
        if (kind.Group != Group) return;
        var signer = request.Text("spec", "signerName") ?? "";
        var whole = signer[..(signer.IndexOf('/', StringComparison.Ordinal) + 1)] + "*";
        if (authorization.Allows(user, new Access(verb, Group, "signers", "", signer, "")) || authorization.Allows(user, new Access(verb, Group, "signers", "", whole, ""))) return;
        throw ApiError.Forbidden(kind.QualifiedPlural, request.Text("metadata", "name") ?? "", $"user not permitted to {verb} requests with signerName \"{signer}\"");
    }
}
