using Fairlead.ApiServer.HTTP.Tunnels;
using Fairlead.ApiServer.Resources;

namespace Fairlead.ApiServer.HTTP;

/// <summary>What a request's path and method ask, before its body is read (Kubernetes API concepts: "Resource URIs").</summary>
/// <param name="Verb">get, list, watch, create, update, patch, delete, deletecollection; for other paths the method in lower case.</param>
/// <param name="Kind">Null for paths that are no resource.</param>
/// <param name="Namespace">Empty for cluster-scoped kinds and for all namespaces.</param>
/// <param name="Name">Empty for a collection.</param>
/// <param name="Rest">What follows a subresource, for proxying, with its slash.</param>
internal sealed record ApiRequest(string Path, string Verb, Kind? Kind, string Namespace, string Name, string Subresource, string Rest)
{
    /// <summary>Whether it goes on for as long as the client likes: watches and streams. It has no time limit then and is not counted as in flight.</summary>
    public bool Lasts => Kind is not null
        ? Verb == "watch" || Subresource is "exec" or "attach" or "portforward" or "proxy" or "log"
        : AgentTunnels.TryParse(Path, out _, out _) || Path == BackupPath;

    /// <summary>Whether it changes nothing.</summary>
    public bool Reads => Verb is "get" or "list" or "watch" or "head";

    public const string BackupPath = "/fairlead/backup";

    public static ApiRequest Parse(string method, string path, bool watch, KindTable kinds)
    {
        var other = new ApiRequest(path, method.ToLowerInvariant(), null, "", "", "", "");
        var steps = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var (group, version, at) = steps switch
        {
            ["api", "v1", _, ..] => ("", "v1", 2),
            ["apis", var named, var of, _, ..] => (named, of, 3),
            _ => ("", "", 0),
        };
        if (at == 0) return other;
        var rest = steps.AsSpan(at);
        // The way to watch before there was a parameter for it, which old clients and scripts still go.
        var onlyWatches = rest[0] == "watch" && rest.Length > 1 && method == "GET";
        if (onlyWatches) rest = rest[1..];
        var ns = "";
        // /namespaces/x is a Namespace; /namespaces/x/pods is its pods, unless what follows is a subresource of the Namespace.
        if (rest.Length >= 3 && rest[0] == "namespaces" && !(group.Length == 0 && rest[2] is "status" or "finalize"))
        {
            ns = rest[1];
            rest = rest[2..];
        }
        if (kinds.Find(group, version, rest[0]) is not { } kind) return other;
        if (kind.Namespaced ? ns.Length == 0 && rest.Length > 1 : ns.Length > 0) return other;
        var name = rest.Length > 1 ? rest[1] : "";
        var subresource = rest.Length > 2 ? rest[2] : "";
        var tail = rest.Length > 3 ? "/" + string.Join('/', rest[3..].ToArray()) : "";
        return new ApiRequest(path, onlyWatches ? "watch" : VerbOf(method, name.Length > 0, watch), kind, ns, name, subresource, tail);
    }

    private static string VerbOf(string method, bool named, bool watch) => method switch
    {
        "GET" or "HEAD" => watch && !named ? "watch" : named ? "get" : "list",
        "POST" => "create",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" => named ? "delete" : "deletecollection",
        _ => method.ToLowerInvariant(),
    };
}
