using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Security;
using Fairlead.ApiServer.Security.Rbac;
using Fairlead.ApiServer.Security.Tokens;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.HTTP;

/// <summary>
/// Questions about who somebody is and what he may do: authentication.k8s.io and authorization.k8s.io
/// (Kubernetes API reference: "TokenReview", "SubjectAccessReview" and their kin).
/// </summary>
internal sealed class Reviews(Authentication authentication, Authorization authorization)
{
    public static bool Serves(ApiRequest request) => request.Kind is { IsStored: false, StoredAs: null };

    public async Task HandleAsync(HttpContext context, ApiRequest request)
    {
        if (request.Verb != "create" || request.Name.Length > 0) throw ApiError.MethodNotAllowed();
        var kind = request.Kind!;
        if (Answers.TakesOnlyForms(context)) throw ApiError.NotAcceptable();
        var review = await RequestBody.ReadObjectAsync(context, kind);
        var user = context.Features.Get<User>()!;
        review["apiVersion"] = kind.ApiVersion;
        review["kind"] = kind.Name;
        review.Child("metadata");
        review["status"] = kind.Name switch
        {
            "SelfSubjectReview" => new JsonObject { ["userInfo"] = Info(user) },
            "TokenReview" => Token(review),
            "SelfSubjectRulesReview" => Rules(user, review.Text("spec", "namespace") ?? ""),
            "SelfSubjectAccessReview" => Access(user, review),
            "LocalSubjectAccessReview" when review.Text("spec", "resourceAttributes", "namespace") != request.Namespace =>
                throw ApiError.BadRequest($"spec.resourceAttributes.namespace must match namespace: {request.Namespace}"),
            _ => Access(Subject(review), review),
        };
        await Answers.WriteAsync(context, 201, review);
    }

    private JsonObject Token(JsonObject review)
    {
        var token = review.Text("spec", "token") ?? "";
        if (token.Length == 0) throw ApiError.BadRequest("token is required for TokenReview in authentication");
        if (authentication.OfToken(token, [.. review.Texts("spec", "audiences")]) is not { } found)
            return new JsonObject { ["user"] = new JsonObject(), ["error"] = "[invalid bearer token]" };
        return new JsonObject
        {
            ["authenticated"] = true,
            ["user"] = Info(found.User),
            ["audiences"] = found.Audiences.ToJsonArray(),
        };
    }

    private JsonObject Access(User user, JsonObject review)
    {
        var (resource, path) = (review.Object("spec", "resourceAttributes"), review.Object("spec", "nonResourceAttributes"));
        if (resource is null == path is null) throw Refused(review, "spec.resourceAttributes", resource is null ? null : resource.DeepClone(), resource is null ? "exactly one of nonResourceAttributes or resourceAttributes must be specified" : "cannot be specified in combination with nonResourceAttributes");
        var asked = resource is not null
            ? new Access(resource.Text("verb") ?? "", resource.Text("group") ?? "", ResourceOf(resource), resource.Text("namespace") ?? "", resource.Text("name") ?? "", "")
            : new Access(path.Text("verb") ?? "", "", "", "", "", path.Text("path") ?? "");
        var allowed = authorization.Allows(user, asked);
        var status = new JsonObject { ["allowed"] = allowed };
        if (!allowed) status["reason"] = "no RBAC policy matched";
        return status;
    }

    private static ApiError Refused(JsonObject review, string field, JsonNode? value, string why)
    {
        var errors = new FieldErrors();
        errors.Invalid(field, value, why);
        var name = review.Text("kind")!;
        return ApiError.Invalid(new Kind("authorization.k8s.io", "v1", name, name.ToLowerInvariant() + "s", false, "V1" + name), "", errors);
    }

    private static string ResourceOf(JsonObject attributes)
    {
        var resource = attributes.Text("resource") is { Length: > 0 } named ? named : "*";
        return attributes.Text("subresource") is { Length: > 0 } sub ? $"{resource}/{sub}" : resource;
    }

    private static User Subject(JsonObject review)
    {
        var name = review.Text("spec", "user") ?? "";
        var groups = review.Texts("spec", "groups").ToList();
        if (name.Length == 0 && groups.Count == 0) throw Refused(review, "spec.user", "", "at least one of user or group must be specified");
        return new User(name, groups);
    }

    private JsonObject Rules(User user, string ns)
    {
        if (ns.Length == 0) throw ApiError.BadRequest("no namespace on request");
        IEnumerable<PolicyRule> rules = user.Groups.Contains(User.Masters)
            ? [new PolicyRule(["*"], ["*"], ["*"], [], []), new PolicyRule(["*"], [], [], [], ["*"])]
            : authorization.Rbac.RulesOf(user, ns);
        var all = rules.ToList();
        return new JsonObject
        {
            ["resourceRules"] = new JsonArray([.. all.Where(rule => rule.Resources.Count > 0).Select(rule => rule.ToJson())]),
            ["nonResourceRules"] = new JsonArray([.. all.Where(rule => rule.Paths.Count > 0).Select(rule => rule.ToJson())]),
            ["incomplete"] = false,
        };
    }

    private static JsonObject Info(User user)
    {
        var info = new JsonObject { ["username"] = user.Name };
        if (user.Uid.Length > 0) info["uid"] = user.Uid;
        info["groups"] = user.Groups.ToJsonArray();
        if (user.Extra.Count > 0)
            info["extra"] = new JsonObject(user.Extra.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value.ToJsonArray())));
        return info;
    }
}
