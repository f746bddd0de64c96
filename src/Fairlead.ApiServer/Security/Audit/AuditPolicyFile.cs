using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Security.Audit;

/// <summary>Reads a Policy (Kubernetes reference: "kube-apiserver Audit Configuration (v1)"), and says all that is wrong with it.</summary>
internal static class AuditPolicyFile
{
    private const string Option = "--audit-policy-file";
    private static readonly string[] Versions = ["audit.k8s.io/v1"];

    /// <exception cref="ApiServerOptionsException">It cannot be read, or is wrong.</exception>
    public static AuditPolicy Read(string file) => ConfigFile.Read(Option, file, "Policy", Versions, Parse);

    /// <exception cref="ApiServerOptionsException">It is wrong.</exception>
    public static AuditPolicy ReadText(string text) => ConfigFile.Parse(Option, text, "Policy", Versions, Parse);

    private static AuditPolicy Parse(ConfigNode policy)
    {
        policy.Only("apiVersion", "kind", "metadata", "rules", "omitStages", "omitManagedFields");
        var rules = policy.Items("rules").Select(Rule).ToList();
        if (rules.Count == 0) policy.Wrong("rules", "without a rule nothing is logged; give at least one, for example `- level: Metadata`");
        return new AuditPolicy(rules, Stages(policy), policy.Flag("omitManagedFields", false));
    }

    private static AuditRule Rule(ConfigNode rule)
    {
        rule.Only("level", "users", "userGroups", "verbs", "resources", "namespaces", "nonResourceURLs", "omitStages", "omitManagedFields");
        var read = new AuditRule
        {
            Level = Level(rule),
            Users = rule.Texts("users"),
            UserGroups = rule.Texts("userGroups"),
            Verbs = rule.Texts("verbs"),
            Groups = [.. rule.Items("resources").Select(Group)],
            Namespaces = rule.Texts("namespaces"),
            Paths = rule.Texts("nonResourceURLs"),
            OmitStages = Stages(rule),
            OmitManagedFields = rule.Has("omitManagedFields") ? rule.Flag("omitManagedFields", false) : null,
        };
        if (read.Paths.Count > 0 && (read.Groups.Count > 0 || read.Namespaces.Count > 0))
            rule.Wrong("nonResourceURLs", "a rule cannot be about both resources and paths that are none");
        foreach (var path in read.Paths.Where(path => path != "*"))
        {
            if (!path.StartsWith('/')) rule.Wrong("nonResourceURLs", $"\"{path}\" must begin with /");
            if (path.IndexOf('*', StringComparison.Ordinal) is var star && star >= 0 && star < path.Length - 1) rule.Wrong("nonResourceURLs", $"\"{path}\": a star can only stand at the end");
        }
        return read;
    }

    private static AuditedGroup Group(ConfigNode group)
    {
        group.Only("group", "resources", "resourceNames");
        var name = group.Text("group");
        if (name.Contains('/', StringComparison.Ordinal)) group.Wrong("group", $"\"{name}\" must be a group without its version");
        var names = group.Texts("resourceNames");
        if (names.Count > 0 && group.Texts("resources").Count == 0) group.Wrong("resourceNames", "names need resources that they are of");
        return new AuditedGroup(name, group.Texts("resources"), names);
    }

    private static AuditLevel Level(ConfigNode rule)
    {
        var text = rule.Text("level");
        if (Enum.TryParse<AuditLevel>(text, out var level) && Enum.IsDefined(level) && char.IsAsciiLetter(text[0])) return level;
        rule.Wrong("level", $"\"{text}\" is none of None, Metadata, Request, RequestResponse");
        return AuditLevel.None;
    }

    private static HashSet<AuditStage> Stages(ConfigNode node)
    {
        var stages = new HashSet<AuditStage>();
        foreach (var text in node.Texts("omitStages"))
        {
            if (Enum.TryParse<AuditStage>(text, out var stage) && char.IsAsciiLetter(text[0])) stages.Add(stage);
            else node.Wrong("omitStages", $"\"{text}\" is none of RequestReceived, ResponseStarted, ResponseComplete, Panic");
        }
        return stages;
    }
}
