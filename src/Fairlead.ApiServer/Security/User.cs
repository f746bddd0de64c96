namespace Fairlead.ApiServer.Security;

/// <summary>Who asks, as authentication found out.</summary>
public sealed record User(string Name, IReadOnlyList<string> Groups)
{
    public const string Masters = "system:masters";
    public const string Nodes = "system:nodes";

    /// <summary>The ingress on every node; the role of this name says what it may do.</summary>
    public const string Ingress = "system:fairlead-ingress";

    public const string NodeNamePrefix = "system:node:";
    public const string ServiceAccountPrefix = "system:serviceaccount:";
    public const string Authenticated = "system:authenticated";

    public static readonly User Anonymous = new("system:anonymous", ["system:unauthenticated"]);

    public string Uid { get; init; } = "";

    /// <summary>More that authentication knows, such as the pod to which a token is bound.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Extra { get; init; } = new Dictionary<string, IReadOnlyList<string>>();

    public bool IsAnonymous => Name == Anonymous.Name;

    /// <summary>A service account, with the groups that it is in (Kubernetes documentation: "Authenticating", service account tokens).</summary>
    public static User OfServiceAccount(string ns, string name) => new(
        $"{ServiceAccountPrefix}{ns}:{name}", ["system:serviceaccounts", $"system:serviceaccounts:{ns}", Authenticated]);
}
