using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Resources.Schema;
using Fairlead.ApiServer.Security;
using Fairlead.ApiServer.Security.Tokens;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.HTTP;

/// <summary>serviceaccounts/token: makes a token for an account (Kubernetes API reference: "TokenRequest").</summary>
internal sealed class TokenRequests(Registry registry, ServiceAccountTokens tokens)
{
    private const long Shortest = 600;
    private const long Usual = 3600;
    private const long Longest = 1L << 32;

    public static bool Serves(ApiRequest request) => request.Kind is { Plural: "serviceaccounts", Group: "" } && request.Subresource == "token";

    public async Task HandleAsync(HttpContext context, ApiRequest request)
    {
        if (request.Verb != "create") throw ApiError.MethodNotAllowed();
        var account = registry.Get(request.Kind!, request.Namespace, request.Name);
        var body = await RequestBody.ReadObjectAsync(context, "TokenRequest", "Authenticationv1TokenRequest");
        var seconds = body.Number("spec", "expirationSeconds") ?? Usual;
        Validate(request, seconds);
        var bound = Bound(request, body);
        NodeAuthorization.CheckToken(context.Features.Get<User>()!, account, bound is { Kind: "Pod" } ? PodOf(request, bound) : null);
        var audiences = body.Texts("spec", "audiences").ToList();
        var (token, expires) = tokens.Issue(account, audiences, TimeSpan.FromSeconds(seconds), bound);
        body["apiVersion"] = "authentication.k8s.io/v1";
        body["kind"] = "TokenRequest";
        var metadata = body.Child("metadata");
        (metadata["name"], metadata["namespace"]) = (account.Name, account.Namespace);
        metadata.SetDefault("creationTimestamp", JsonValue.Create(Timestamp.Format(expires.AddSeconds(-seconds))));
        var spec = body.Child("spec");
        spec["audiences"] = (audiences.Count == 0 ? [tokens.Issuer] : audiences).ToJsonArray();
        spec["expirationSeconds"] = seconds;
        body["status"] = new JsonObject { ["token"] = token, ["expirationTimestamp"] = Timestamp.Format(expires) };
        await Answers.WriteAsync(context, 201, body);
    }

    private static void Validate(ApiRequest request, long seconds)
    {
        var errors = new FieldErrors();
        if (seconds < Shortest) errors.Invalid("spec.expirationSeconds", seconds, "may not specify a duration less than 10 minutes");
        if (seconds > Longest) errors.Invalid("spec.expirationSeconds", seconds, "may not specify a duration larger than 2^32 seconds");
        if (errors.Any) throw ApiError.Invalid(new Kind("authentication.k8s.io", "v1", "TokenRequest", "tokenrequests", true, "Authenticationv1TokenRequest"), request.Name, errors);
    }

    /// <summary>The object to which the token is bound, with its present UID.</summary>
    private TokenBinding? Bound(ApiRequest request, JsonObject body)
    {
        if (body.Object("spec", "boundObjectRef") is not { } reference) return null;
        var (name, plural) = (reference.Text("name") ?? "", reference.Text("kind") switch
        {
            "Pod" => "pods",
            "Secret" => "secrets",
            "Node" => "nodes",
            var other => throw ApiError.BadRequest($"cannot bind token for serviceaccount \"{request.Name}\" to type {other}"),
        });
        var obj = registry.Get(registry.Kinds.Find("", "v1", plural)!, request.Namespace, name);
        if (reference.Text("uid") is { Length: > 0 } uid && uid != obj.Uid)
            throw ApiError.Conflict(request.Kind!, request.Name, $"the UID in the bound object reference ({uid}) does not match the UID in record. The object might have been deleted and then recreated");
        return new TokenBinding(reference.Text("kind")!, name, obj.Uid);
    }

    private JsonObject PodOf(ApiRequest request, TokenBinding bound) =>
        registry.Get(registry.Kinds.Find("", "v1", "pods")!, request.Namespace, bound.Name).ToTree();
}
