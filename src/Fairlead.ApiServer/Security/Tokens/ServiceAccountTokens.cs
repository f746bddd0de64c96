using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Watch;

namespace Fairlead.ApiServer.Security.Tokens;

/// <summary>The object to whose life a token is bound.</summary>
internal sealed record TokenBinding(string Kind, string Name, string Uid);

/// <summary>
/// Tokens of service accounts: bound to an audience, a time, and mostly a pod (Kubernetes documentation: "Managing Service Accounts",
/// bound tokens). A token whose account or pod is gone is good no longer.
/// </summary>
internal sealed class ServiceAccountTokens(ECDsa key, string issuer, ObjectCache cache, KindTable kinds, TimeProvider time)
{
    private const string Private = "kubernetes.io";
    private readonly Kind _accounts = kinds.Find("", "v1", "serviceaccounts")!;

    /// <summary>Who the tokens are from, and the audience of those that are meant for this server.</summary>
    public string Issuer => issuer;

    public (string Token, DateTimeOffset Expires) Issue(StoredObject account, IReadOnlyList<string> audiences, TimeSpan life, TokenBinding? bound)
    {
        var now = time.GetUtcNow();
        var expires = now + life;
        var about = new JsonObject
        {
            ["namespace"] = account.Namespace,
            ["serviceaccount"] = new JsonObject { ["name"] = account.Name, ["uid"] = account.Uid },
        };
        if (bound is not null) about[bound.Kind.ToLowerInvariant()] = new JsonObject { ["name"] = bound.Name, ["uid"] = bound.Uid };
        var claims = new JsonObject
        {
            ["aud"] = (audiences.Count == 0 ? [issuer] : audiences).ToJsonArray(),
            ["exp"] = expires.ToUnixTimeSeconds(),
            ["iat"] = now.ToUnixTimeSeconds(),
            ["iss"] = issuer,
            ["jti"] = Guid.NewGuid().ToString(),
            [Private] = about,
            ["nbf"] = now.ToUnixTimeSeconds(),
            ["sub"] = $"{User.ServiceAccountPrefix}{account.Namespace}:{account.Name}",
        };
        return (JsonWebToken.Sign(claims, key), expires);
    }

    /// <summary>Whose token it is, and for which of the audiences; null where it is not good.</summary>
    /// <param name="audiences">Of these one must be the token's; empty: this server.</param>
    public (User User, IReadOnlyList<string> Audiences)? Authenticate(string token, IReadOnlyList<string> audiences)
    {
        if (JsonWebToken.Verify(token, key) is not { } claims || claims.Text("iss") != issuer) return null;
        var now = time.GetUtcNow().ToUnixTimeSeconds();
        if (claims.Number("exp") is not { } end || now >= end || now < (claims.Number("nbf") ?? 0)) return null;
        var common = (audiences.Count == 0 ? [issuer] : audiences).Intersect(claims.Texts("aud")).ToList();
        if (common.Count == 0) return null;
        var about = claims.Object(Private);
        var ns = about.Text("namespace") ?? "";
        var name = about.Text("serviceaccount", "name") ?? "";
        if (cache.Find(_accounts, _accounts.Key(ns, name)) is not { } account || account.Uid != about.Text("serviceaccount", "uid")) return null;
        var extra = new Dictionary<string, IReadOnlyList<string>>();
        foreach (var (claim, plural) in (ReadOnlySpan<(string, string)>)[("pod", "pods"), ("secret", "secrets"), ("node", "nodes")])
        {
            if (about.Object(claim) is not { } bound) continue;
            var kind = kinds.Find("", "v1", plural)!;
            if (cache.Find(kind, kind.Key(ns, bound.Text("name") ?? "")) is not { } obj || obj.Uid != bound.Text("uid")) return null;
            extra[$"authentication.kubernetes.io/{claim}-name"] = [obj.Name];
            extra[$"authentication.kubernetes.io/{claim}-uid"] = [obj.Uid];
        }
        if (claims.Text("jti") is { } id) extra["authentication.kubernetes.io/credential-id"] = [$"JTI={id}"];
        return (User.OfServiceAccount(ns, name) with { Uid = account.Uid, Extra = extra }, common);
    }

    /// <summary>/.well-known/openid-configuration (OpenID Connect Discovery 1.0), so that others can check the tokens.</summary>
    public JsonObject Configuration(string serverAddress) => new()
    {
        ["issuer"] = issuer,
        ["jwks_uri"] = $"https://{serverAddress}/openid/v1/jwks",
        ["response_types_supported"] = new JsonArray("id_token"),
        ["subject_types_supported"] = new JsonArray("public"),
        ["id_token_signing_alg_values_supported"] = new JsonArray("ES256"),
    };

    /// <summary>/openid/v1/jwks: the public key (RFC 7517).</summary>
    public JsonObject KeySet()
    {
        var point = key.ExportParameters(includePrivateParameters: false).Q;
        return new JsonObject
        {
            ["keys"] = new JsonArray(new JsonObject
            {
                ["use"] = "sig", ["kty"] = "EC", ["kid"] = JsonWebToken.KeyId(key), ["crv"] = "P-256", ["alg"] = "ES256",
                ["x"] = Base64Url.EncodeToString(point.X), ["y"] = Base64Url.EncodeToString(point.Y),
            }),
        };
    }
}
