using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources.Schema;

namespace Fairlead.ApiServer.Resources.Strategies;

internal sealed class LeaseStrategy : KindStrategy
{
    public override void Validate(JsonObject obj, FieldErrors errors)
    {
        if (obj.Number("spec", "leaseDurationSeconds") is <= 0 and var seconds) errors.Invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0");
        if (obj.Number("spec", "leaseTransitions") is < 0 and var transitions) errors.Invalid("spec.leaseTransitions", transitions, "must be greater than or equal to 0");
    }
}

/// <summary>Kubernetes documentation: "Pod Priority and Preemption".</summary>
internal sealed class PriorityClassStrategy : KindStrategy
{
    public const string SystemPrefix = "system-";
    public const long HighestOfUsers = 1_000_000_000;
    private static readonly string[] SystemNames = ["system-node-critical", "system-cluster-critical"];

    public override void Default(JsonObject obj)
    {
        obj.SetDefault("value", 0);
        obj.SetDefault("preemptionPolicy", "PreemptLowerPriority");
    }

    public override void Validate(JsonObject obj, FieldErrors errors)
    {
        var name = obj.Text("metadata", "name") ?? "";
        if (name.StartsWith(SystemPrefix, StringComparison.Ordinal))
        {
            if (!SystemNames.Contains(name)) errors.Forbidden("metadata.name", $"priority class names with '{SystemPrefix}' prefix are reserved for system use only. error: {name} is not a known system priority class");
        }
        else if (obj.Number("value") > HighestOfUsers) errors.Forbidden("value", $"maximum allowed value of a user defined priority is {HighestOfUsers}");
        if (obj.Text("preemptionPolicy") is { } policy and not ("Never" or "PreemptLowerPriority"))
            errors.NotSupported("preemptionPolicy", policy, "Never", "PreemptLowerPriority");
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, FieldErrors errors)
    {
        if (obj.Number("value") != old.Number("value")) errors.Forbidden("value", "may not be changed in an update.");
        if (obj.Text("preemptionPolicy") != old.Text("preemptionPolicy")) errors.Invalid("preemptionPolicy", obj.Text("preemptionPolicy"), "field is immutable");
    }
}

/// <summary>Kubernetes documentation: "Runtime Class".</summary>
internal sealed class RuntimeClassStrategy : KindStrategy
{
    public override void Validate(JsonObject obj, FieldErrors errors)
    {
        var handler = obj.Text("handler") ?? "";
        if (NameRules.Label(handler) is { } wrong) errors.Invalid("handler", handler, wrong);
        foreach (var (resource, amount) in obj.Object("overhead", "podFixed") ?? [])
        {
            if (Quantity.Value(amount.Text() ?? "") < 0) errors.Invalid($"overhead.podFixed[{resource}]", amount?.DeepClone(), "must be greater than or equal to 0");
        }
        LabelRules.Check(obj.Object("scheduling", "nodeSelector"), "scheduling.nodeSelector", errors);
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, FieldErrors errors)
    {
        if (obj.Text("handler") != old.Text("handler")) errors.Invalid("handler", obj.Text("handler"), "field is immutable");
    }
}

internal sealed class PodTemplateStrategy : KindStrategy
{
    public override void Default(JsonObject obj)
    {
        if (obj.Object("template", "spec") is { } spec) PodSpecDefaults.Apply(spec);
    }

    public override void Validate(JsonObject obj, FieldErrors errors)
    {
        LabelRules.Check(obj.Object("template", "metadata", "labels"), "template.labels", errors);
        if (obj.Object("template", "spec") is { } spec) PodSpecRules.Validate(spec, "template.spec", errors);
    }
}

/// <summary>Kubernetes documentation: "Limit Ranges".</summary>
internal sealed class LimitRangeStrategy : KindStrategy
{
    private static readonly (string Low, string High)[] Orders =
        [("min", "max"), ("defaultRequest", "max"), ("default", "max"), ("min", "defaultRequest"), ("min", "default"), ("defaultRequest", "default")];

    public override void Default(JsonObject obj)
    {
        foreach (var (_, item) in obj.Items("spec", "limits"))
        {
            if (item.Text("type") != "Container") continue;
            // A maximum without a default is the default limit; the default limit is the default request; a minimum comes last.
            Fill(item, "default", item.Object("max"));
            Fill(item, "defaultRequest", item.Object("default"));
            Fill(item, "defaultRequest", item.Object("min"));
        }
    }

    public override void Validate(JsonObject obj, FieldErrors errors)
    {
        foreach (var (i, item) in obj.Items("spec", "limits"))
        {
            if (item.Text("type") is not { Length: > 0 }) errors.Required($"spec.limits[{i}].type");
            foreach (var (low, high) in Orders) CheckOrder(item, $"spec.limits[{i}]", low, high, errors);
        }
    }

    /// <summary>No amount of the one field is above the other field's.</summary>
    private static void CheckOrder(JsonObject item, string field, string low, string high, FieldErrors errors)
    {
        foreach (var (name, value) in item.Object(low) ?? [])
        {
            if (item.Text(high, name) is { } most && Quantity.Compare(value.Text() ?? "0", most) > 0)
                errors.Invalid($"{field}.{(high == "max" ? low : high)}[{name}]", high == "max" ? value!.DeepClone() : most, Above(low, value.Text(), high, most));
        }
    }

    private static string Above(string low, string? lower, string high, string upper) => (low, high) switch
    {
        ("min", "max") => $"min value {lower} is greater than max value {upper}",
        (_, "max") => $"{Named(low)} value {lower} is greater than max value {upper}",
        ("min", _) => $"min value {lower} is greater than {Named(high)} value {upper}",
        _ => $"default request value {lower} is greater than default limit value {upper}",
    };

    private static string Named(string field) => field == "defaultRequest" ? "default request" : "default";

    private static void Fill(JsonObject item, string field, JsonObject? from)
    {
        if (from is null) return;
        var target = item.Child(field);
        foreach (var (name, value) in from) target.SetDefault(name, value!.DeepClone());
    }
}
