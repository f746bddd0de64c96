using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Security;
using Fairlead.Kube.Certificates;

namespace Fairlead.ApiServer.Resources.Strategies;

/// <summary>
/// Kubernetes documentation: "Certificates and Certificate Signing Requests". What is asked for never changes; approval and certificate
/// are written through a subresource each.
/// </summary>
internal sealed class CertificateSigningRequestStrategy : KindStrategy
{
    private const int ShortestLife = 600;
    private static readonly string[] Decisions = ["Approved", "Denied"];
    private static readonly string[] Kept = ["Approved", "Denied", "Failed"];

    public override void PrepareForUpdate(JsonObject obj, JsonObject old)
    {
        Keep(obj, old, "spec");
        Keep(obj, old, "status");
    }

    /// <summary>The certificate, and conditions that are no decision.</summary>
    public override void PrepareForStatusUpdate(JsonObject obj, JsonObject old)
    {
        base.PrepareForStatusUpdate(obj, old);
        KeepMetadata(obj, old);
        var others = Conditions(obj).Where(condition => !Decisions.Contains(condition.Text("type")));
        SetConditions(obj, Conditions(old).Where(condition => Decisions.Contains(condition.Text("type"))).Concat(others));
    }

    /// <summary>The conditions alone.</summary>
    public static void PrepareForApproval(JsonObject obj, JsonObject old, string now)
    {
        var wanted = Conditions(obj).Select(condition => condition.DeepClone()).OfType<JsonObject>().ToList();
        foreach (var condition in wanted)
        {
            var before = Conditions(old).FirstOrDefault(known => known.Text("type") == condition.Text("type") && known.Text("status") == condition.Text("status"));
            if (condition.IsMissing("lastUpdateTime")) condition["lastUpdateTime"] = now;
            if (condition.IsMissing("lastTransitionTime")) condition["lastTransitionTime"] = before.Text("lastTransitionTime") ?? now;
        }
        Keep(obj, old, "spec");
        Keep(obj, old, "status");
        SetConditions(obj, wanted);
    }

    public override void Validate(JsonObject obj, FieldErrors errors)
    {
        if (obj.Text("spec", "request") is not { Length: > 0 } request) errors.Required("spec.request");
        else if (Read(request) is null) errors.Invalid("spec.request", request, "PEM block type must be CERTIFICATE REQUEST, signed by the key that it holds");
        ValidateSigner(obj.Text("spec", "signerName") ?? "", errors);
        ValidateUsages([.. obj.Texts("spec", "usages")], errors);
        if (obj.Number("spec", "expirationSeconds") is < ShortestLife and var seconds)
            errors.Invalid("spec.expirationSeconds", seconds, "may not specify a duration less than 600 seconds (10 minutes)");
    }

    /// <summary>What a write of the approval or the status may not do.</summary>
    public override void ValidateStatusUpdate(JsonObject obj, JsonObject old, FieldErrors errors)
    {
        const string Field = "status.conditions";
        var types = new HashSet<string>();
        var index = 0;
        foreach (var condition in Conditions(obj))
        {
            var type = condition.Text("type") ?? "";
            if (type.Length == 0) errors.Required($"{Field}[{index}].type");
            else if (!types.Add(type)) errors.Duplicate($"{Field}[{index}].type", type);
            if (condition.Text("status") is not { Length: > 0 } status) errors.Required($"{Field}[{index}].status");
            else if (Kept.Contains(type) && status != "True") errors.NotSupported($"{Field}[{index}].status", status, "True");
            index++;
        }
        if (types.Contains("Approved") && types.Contains("Denied")) errors.Invalid(Field, "Denied", "Approved and Denied conditions are mutually exclusive");
        foreach (var lost in Kept.Where(type => Conditions(old).Any(condition => condition.Text("type") == type) && !types.Contains(type)))
            errors.Forbidden(Field, $"updates may not remove a condition of type \"{lost}\"");
        if (old.Text("status", "certificate") is { Length: > 0 } issued && obj.Text("status", "certificate") != issued)
            errors.Forbidden("status.certificate", "updates may not change a certificate that has been set");
    }

    /// <summary>The request in an object; null: it has none that can be read.</summary>
    public static SigningRequest? Read(string base64)
    {
        var bytes = new byte[base64.Length];
        return Convert.TryFromBase64String(base64, bytes, out var count) ? SigningRequest.TryRead(bytes.AsSpan(0, count)) : null;
    }

    private static void ValidateSigner(string signer, FieldErrors errors)
    {
        const string Field = "spec.signerName";
        if (signer.Length == 0) errors.Required(Field);
        else if (signer.Split('/') is not [{ Length: > 0 } domain, { Length: > 0 }] || !domain.Contains('.', StringComparison.Ordinal) || NameRules.Subdomain(domain) is not null)
            errors.Invalid(Field, signer, "must be a fully qualified domain and path of the form 'example.com/signer-name'");
        else if (signer == "kubernetes.io/legacy-unknown") errors.Invalid(Field, signer, "legacy signerName is not allowed via this API version");
    }

    private static void ValidateUsages(List<string> usages, FieldErrors errors)
    {
        if (usages.Count == 0) errors.Required("spec.usages");
        for (var i = 0; i < usages.Count; i++)
        {
            if (!CertificateUsages.All.Contains(usages[i])) errors.NotSupported($"spec.usages[{i}]", usages[i], CertificateUsages.All);
            else if (usages.IndexOf(usages[i]) < i) errors.Duplicate($"spec.usages[{i}]", usages[i]);
        }
    }

    private static IEnumerable<JsonObject> Conditions(JsonObject obj) => obj.Items("status", "conditions").Select(pair => pair.Item);

    private static void SetConditions(JsonObject obj, IEnumerable<JsonObject> conditions)
    {
        var list = new JsonArray([.. conditions.Select(condition => condition.DeepClone())]);
        if (list.Count > 0) obj.Child("status")["conditions"] = list;
        else obj.Object("status")?.Remove("conditions");
    }
}
