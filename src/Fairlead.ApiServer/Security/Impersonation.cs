using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Security.Rbac;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.Security;

/// <summary>Acting as somebody else, by headers, for those who may (Kubernetes documentation: "User Impersonation").</summary>
internal static class Impersonation
{
    private const string UserHeader = "Impersonate-User";
    private const string GroupHeader = "Impersonate-Group";
    private const string UidHeader = "Impersonate-Uid";
    private const string ExtraPrefix = "Impersonate-Extra-";
    private const string AuthenticationGroup = "authentication.k8s.io";

    /// <summary>The user whom the headers name, or the one who asks where they name none.</summary>
    /// <exception cref="ApiError">400: groups without a user; 403: he may not.</exception>
    public static User Of(HttpContext context, User asking, Authorization authorization)
    {
        var headers = context.Request.Headers;
        // Nearly every request: nobody else is named.
        if (!headers.ContainsKey(UserHeader) && !headers.ContainsKey(GroupHeader) && !headers.ContainsKey(UidHeader)) return asking;
        var name = headers[UserHeader].ToString();
        var groups = headers[GroupHeader].Where(group => group is { Length: > 0 }).Select(group => group!).ToList();
        var extra = headers.Where(header => header.Key.StartsWith(ExtraPrefix, StringComparison.OrdinalIgnoreCase))
            .ToDictionary(header => Uri.UnescapeDataString(header.Key[ExtraPrefix.Length..]).ToLowerInvariant(), header => (IReadOnlyList<string>)[.. header.Value.Select(value => value ?? "")]);
        var uid = headers[UidHeader].ToString();
        if (name.Length == 0)
            throw ApiError.BadRequest("requested to impersonate groups or a uid without a user");
        Require(asking, authorization, AccessTo(name));
        foreach (var group in groups) Require(asking, authorization, new Access("impersonate", "", "groups", "", group, ""));
        if (uid.Length > 0) Require(asking, authorization, new Access("impersonate", AuthenticationGroup, "uids", "", uid, ""));
        foreach (var (key, values) in extra)
        {
            foreach (var value in values) Require(asking, authorization, new Access("impersonate", AuthenticationGroup, $"userextras/{key}", "", value, ""));
        }
        return Impersonated(name, groups) with { Uid = uid, Extra = extra };
    }

    private static Access AccessTo(string name)
    {
        if (!name.StartsWith(User.ServiceAccountPrefix, StringComparison.Ordinal)) return new Access("impersonate", "", "users", "", name, "");
        var parts = name[User.ServiceAccountPrefix.Length..].Split(':');
        return parts is [var ns, var account] ? new Access("impersonate", "", "serviceaccounts", ns, account, "") : throw ApiError.BadRequest($"\"{name}\" is not a service account's user name");
    }

    private static User Impersonated(string name, List<string> groups)
    {
        if (groups.Count == 0 && name.StartsWith(User.ServiceAccountPrefix, StringComparison.Ordinal))
        {
            var parts = name[User.ServiceAccountPrefix.Length..].Split(':');
            return User.OfServiceAccount(parts[0], parts[1]);
        }
        if (name != User.Anonymous.Name && !groups.Contains(User.Authenticated) && !groups.Contains("system:unauthenticated")) groups.Add(User.Authenticated);
        return new User(name, groups);
    }

    private static void Require(User asking, Authorization authorization, Access access)
    {
        if (authorization.Allows(asking, access)) return;
        var where = access.Namespace.Length > 0 ? $" in the namespace \"{access.Namespace}\"" : " at the cluster scope";
        throw new ApiError(403, "Forbidden",
            $"{access.Resource} \"{access.Name}\" is forbidden: User \"{asking.Name}\" cannot impersonate resource \"{access.Resource}\" in API group \"{access.Group}\"{where}");
    }
}
