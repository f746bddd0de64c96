using System.Text;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.Kube.Json;
using Fairlead.Kube.Selectors;
using k8s.Models;

namespace Fairlead.ApiServer.Resources.Strategies.Apps;

/// <summary>What all kinds with a label selector and a pod template have in common, in the words of Kubernetes' validation.</summary>
internal static class WorkloadRules
{
    public static void DefaultTemplate(JsonObject spec)
    {
        if (spec.Object("template", "spec") is { } template) PodSpecDefaults.Apply(template);
    }

    public static void NotNegative(JsonObject spec, FieldErrors errors, params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            if (spec.Number(name) is < 0 and var number) errors.Invalid($"spec.{name}", number, "must be greater than or equal to 0");
        }
    }

    /// <param name="emptyFor">Which kind the message about an empty selector names; Kubernetes says deployment for ReplicaSets too.</param>
    public static void CheckSelectorAndTemplate(JsonObject spec, string kind, string emptyFor, FieldErrors errors)
    {
        var before = errors.All.Count;
        var selector = spec.Object("selector");
        if (selector is null) errors.Required("spec.selector");
        else CheckSelector(selector, emptyFor, errors);
        var isSound = errors.All.Count == before;
        if (spec.Object("template") is not { } template)
        {
            errors.Required("spec.template");
            return;
        }
        var labels = template.Object("metadata", "labels");
        if (isSound && !Matches(selector!, labels))
            errors.Invalid("spec.template.metadata.labels", labels?.DeepClone() ?? new JsonObject(), "`selector` does not match template `labels`");
        CheckTemplate(template, kind, errors);
    }

    public static void CheckSameSelector(JsonObject obj, JsonObject old, FieldErrors errors)
    {
        var now = obj.At("spec", "selector");
        if (!JsonNode.DeepEquals(now, old.At("spec", "selector"))) errors.Invalid("spec.selector", now?.DeepClone(), "field is immutable");
    }

    private static void CheckSelector(JsonObject selector, string emptyFor, FieldErrors errors)
    {
        LabelRules.Check(selector.Object("matchLabels"), "spec.selector.matchLabels", errors);
        foreach (var (i, expression) in selector.Items("matchExpressions")) CheckExpression(expression, $"spec.selector.matchExpressions[{i}]", errors);
        if (selector.Object("matchLabels") is not { Count: > 0 } && selector.Array("matchExpressions") is not { Count: > 0 })
            errors.Invalid("spec.selector", selector.DeepClone(), $"empty selector is invalid for {emptyFor}");
    }

    private static void CheckExpression(JsonObject expression, string field, FieldErrors errors)
    {
        var isEmpty = expression.Array("values") is not { Count: > 0 };
        switch (expression.Text("operator"))
        {
            case "In" or "NotIn" when isEmpty:
                errors.Required($"{field}.values", "must be specified when `operator` is 'In' or 'NotIn'");
                break;
            case "Exists" or "DoesNotExist" when !isEmpty:
                errors.Forbidden($"{field}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
                break;
            case "In" or "NotIn" or "Exists" or "DoesNotExist":
                break;
            default:
                errors.Invalid($"{field}.operator", expression.Text("operator") ?? "", "not a valid selector operator");
                break;
        }
        if (NameRules.QualifiedName(expression.Text("key") ?? "") is { } wrong) errors.Invalid($"{field}.key", expression.Text("key") ?? "", wrong);
    }

    private static bool Matches(JsonObject selector, JsonObject? labels)
    {
        var parsed = LabelSelector.From(KubeJson.Deserialize<V1LabelSelector>(Encoding.UTF8.GetBytes(selector.ToJsonString())));
        return parsed.Matches((labels ?? []).ToDictionary(pair => pair.Key, pair => pair.Value.Text() ?? ""));
    }

    private static void CheckTemplate(JsonObject template, string kind, FieldErrors errors)
    {
        LabelRules.Check(template.Object("metadata", "labels"), "spec.template.labels", errors);
        PodSpecRules.Validate(template.Child("spec"), "spec.template.spec", errors);
        if (template.Text("spec", "restartPolicy") is ("OnFailure" or "Never") and var policy)
            errors.NotSupported("spec.template.spec.restartPolicy", policy, "Always");
        if (template.Number("spec", "activeDeadlineSeconds") is not null)
            errors.Forbidden("spec.template.spec.activeDeadlineSeconds", $"activeDeadlineSeconds in {kind} is not Supported");
    }
}
