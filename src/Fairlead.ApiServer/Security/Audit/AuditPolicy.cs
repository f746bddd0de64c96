using Fairlead.ApiServer.HTTP;

namespace Fairlead.ApiServer.Security.Audit;

/// <summary>How much of a request is written down.</summary>
internal enum AuditLevel
{
    None,
    /// <summary>Who asked what, and the answer's code.</summary>
    Metadata,
    /// <summary>With the body.</summary>
    Request,
    /// <summary>With the answer, too.</summary>
    RequestResponse,
}

/// <summary>When an event is written.</summary>
internal enum AuditStage
{
    RequestReceived,
    /// <summary>Of requests that last: the answer has begun.</summary>
    ResponseStarted,
    ResponseComplete,
    /// <summary>Kubernetes' word for a handler that failed; here such a request completes with code 500.</summary>
    Panic,
}

/// <summary>What is to be done with one request.</summary>
internal readonly record struct AuditDecision(AuditLevel Level, IReadOnlySet<AuditStage> OmittedStages, bool OmitManagedFields);

/// <summary>The resources of one group that a rule is about.</summary>
/// <param name="Resources">Empty: all; <c>pods</c>, <c>pods/log</c>, <c>pods/*</c>, <c>*/scale</c>, <c>*</c>.</param>
/// <param name="Names">Empty: all.</param>
internal sealed record AuditedGroup(string Group, IReadOnlyList<string> Resources, IReadOnlyList<string> Names);

/// <summary>One rule of a policy; empty lists say nothing.</summary>
internal sealed record AuditRule
{
    public required AuditLevel Level { get; init; }
    public IReadOnlyList<string> Users { get; init; } = [];
    public IReadOnlyList<string> UserGroups { get; init; } = [];
    public IReadOnlyList<string> Verbs { get; init; } = [];
    public IReadOnlyList<AuditedGroup> Groups { get; init; } = [];
    public IReadOnlyList<string> Namespaces { get; init; } = [];

    /// <summary>Exact, or with a star at the end.</summary>
    public IReadOnlyList<string> Paths { get; init; } = [];

    public IReadOnlySet<AuditStage> OmitStages { get; init; } = new HashSet<AuditStage>();

    /// <summary>Null: as the policy says.</summary>
    public bool? OmitManagedFields { get; init; }
}

/// <summary>Which requests are written down and how much of each: the first rule that matches says it, none means nothing (audit.k8s.io/v1 Policy).</summary>
internal sealed record AuditPolicy(IReadOnlyList<AuditRule> Rules, IReadOnlySet<AuditStage> OmitStages, bool OmitManagedFields)
{
    /// <param name="user">Null: nobody, because the credentials are wrong.</param>
    public AuditDecision Decide(User? user, ApiRequest request)
    {
        foreach (var rule in Rules)
        {
            if (!Matches(rule, user, request)) continue;
            return new AuditDecision(rule.Level, OmitStages.Union(rule.OmitStages).ToHashSet(), rule.OmitManagedFields ?? OmitManagedFields);
        }
        return new AuditDecision(AuditLevel.None, OmitStages, OmitManagedFields);
    }

    private static bool Matches(AuditRule rule, User? user, ApiRequest request)
    {
        if (rule.Users.Count > 0 && (user is null || !rule.Users.Contains(user.Name))) return false;
        if (rule.UserGroups.Count > 0 && (user is null || !rule.UserGroups.Any(user.Groups.Contains))) return false;
        if (rule.Verbs.Count > 0 && !rule.Verbs.Contains(request.Verb)) return false;
        if (rule.Namespaces.Count > 0 || rule.Groups.Count > 0) return request.Kind is not null && MatchesResource(rule, request);
        return rule.Paths.Count == 0 || (request.Kind is null && rule.Paths.Any(path => MatchesPath(path, request.Path.Length == 0 ? "/" : request.Path)));
    }

    private static bool MatchesResource(AuditRule rule, ApiRequest request)
    {
        var kind = request.Kind!;
        // A namespace is in itself.
        var ns = kind is { Group: "", Plural: "namespaces" } ? request.Name : request.Namespace;
        if (rule.Namespaces.Count > 0 && !rule.Namespaces.Contains(ns)) return false;
        return rule.Groups.Count == 0 || rule.Groups.Any(group =>
            group.Group == kind.Group && (group.Names.Count == 0 || group.Names.Contains(request.Name))
            && (group.Resources.Count == 0 || group.Resources.Any(pattern => MatchesPlural(pattern, kind.Plural, request.Subresource))));
    }

    private static bool MatchesPlural(string pattern, string plural, string subresource)
    {
        if (pattern == "*") return true;
        var whole = subresource.Length == 0 ? plural : $"{plural}/{subresource}";
        if (pattern == whole) return true;
        if (subresource.Length == 0) return false;
        return pattern == $"*/{subresource}" || pattern == $"{plural}/*";
    }

    private static bool MatchesPath(string pattern, string path) =>
        pattern == "*" || pattern == path || (pattern.EndsWith('*') && path.StartsWith(pattern[..^1], StringComparison.Ordinal));
}
