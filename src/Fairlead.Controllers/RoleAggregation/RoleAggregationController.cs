using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Selectors;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Fairlead.Controllers.RoleAggregation;

/// <summary>Writes the rules of ClusterRoles that gather those of others: edit, admin and view, and whoever's role has an aggregationRule.</summary>
internal sealed class RoleAggregationController : KeyedController<ObjectKey>
{
    private readonly Informer<V1ClusterRole, RoleItem> _roles;
    private readonly KubeClient _client;

    public RoleAggregationController(ControllerContext context)
        : base("clusterrole-aggregation", workers: 1, context.Log("RoleAggregation"), context.Time)
    {
        _client = context.Client;
        _roles = new Informer<V1ClusterRole, RoleItem>(_client, ApiResources.ClusterRoles, Read, Logger, context.Time);
        // Any role may be one that another gathers from, or may have ceased to be.
        _roles.Changed += _ => EnqueueAggregating();
    }

    public override async Task RunAsync(CancellationToken cancel)
    {
        var listening = _roles.RunAsync(cancel);
        await _roles.Synced.WaitAsync(cancel);
        EnqueueAggregating();
        await Task.WhenAll(listening, base.RunAsync(cancel));
    }

    protected override async Task SyncAsync(ObjectKey key, CancellationToken cancel)
    {
        if (!_roles.Items.TryGetValue(key, out var role) || AggregationPlan.RulesOf(role, _roles.Items.Values) is not { } rules) return;
        var patch = new JsonObject
        {
            // Nobody has made it a role of its own meanwhile.
            ["metadata"] = new JsonObject { ["resourceVersion"] = role.ResourceVersion },
            ["rules"] = new JsonArray([.. rules.Select(rule => JsonNode.Parse(rule))]),
        };
        await _client.PatchAsync(ApiResources.ClusterRoles, key, Patch.Merge(patch), null, cancel);
        RoleAggregationLog.Written(Logger, role.Name, rules.Count);
    }

    private void EnqueueAggregating()
    {
        foreach (var (key, role) in _roles.Items)
        {
            if (role.Selectors is not null) Queue.Add(key);
        }
    }

    private static RoleItem Read(V1ClusterRole role) => new(
        role.Metadata.Name, role.Metadata.ResourceVersion ?? "", role.Metadata.Labels?.ToDictionary() ?? [],
        role.AggregationRule is { } rule ? [.. (rule.ClusterRoleSelectors ?? []).Select(LabelSelector.From)] : null,
        [.. (role.Rules ?? []).Select(RuleText)]);

    /// <summary>One form for equal rules.</summary>
    private static string RuleText(V1PolicyRule rule)
    {
        var text = new JsonObject();
        foreach (var (name, values) in (ReadOnlySpan<(string, IList<string>?)>)
            [("apiGroups", rule.ApiGroups), ("nonResourceURLs", rule.NonResourceURLs), ("resourceNames", rule.ResourceNames), ("resources", rule.Resources), ("verbs", rule.Verbs)])
        {
            if (values is { Count: > 0 }) text[name] = new JsonArray([.. values.Select(value => (JsonNode?)value)]);
        }
        return text.ToJsonString();
    }
}

internal static partial class RoleAggregationLog
{
    [LoggerMessage(3190, LogLevel.Information, "cluster role {Role} has {Count} rules of others now")]
    public static partial void Written(ILogger log, string role, int count);
}
