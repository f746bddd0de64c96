using System.Text.Json;

namespace Fairlead.ApiServer.Printing;

/// <summary>Kinds that keep a number of equal pods.</summary>
internal static class WorkloadTables
{
    private static readonly ColumnDefinition[] Template =
    [
        TablePrinter.Wide("Containers", "Names of the template's containers."),
        TablePrinter.Wide("Images", "Images of the template's containers."),
        TablePrinter.Wide("Selector", "Labels of the pods that are counted."),
    ];

    private static readonly ColumnDefinition[] ReplicaColumns =
    [
        TablePrinter.Name,
        TablePrinter.Integer("Desired", "Number of pods wanted."),
        TablePrinter.Integer("Current", "Number of pods there are."),
        TablePrinter.Integer("Ready", "Number of pods that are ready."),
        TablePrinter.Age,
        .. Template,
    ];

    public static readonly TableLayout ReplicationControllers = new(ReplicaColumns, (obj, now) => ReplicaCells(obj, now, obj.Labels("spec", "selector")));

    public static readonly TableLayout ReplicaSets = new(ReplicaColumns, (obj, now) => ReplicaCells(obj, now, Selector(obj)));

    public static readonly TableLayout Deployments = new(
    [
        TablePrinter.Name,
        TablePrinter.Text("Ready", "Number of ready pods and of pods wanted."),
        TablePrinter.Integer("Up-to-date", "Number of pods of the newest template."),
        TablePrinter.Integer("Available", "Number of pods that have been ready for long enough."),
        TablePrinter.Age,
        .. Template,
    ], DeploymentCells);

    private static Cell[] ReplicaCells(JsonElement obj, DateTimeOffset now, string selector) =>
    [
        obj.Name(),
        obj.Number("spec", "replicas"),
        obj.Number("status", "replicas"),
        obj.Number("status", "readyReplicas"),
        obj.Age(now),
        Containers(obj, "name"),
        Containers(obj, "image"),
        selector,
    ];

    private static Cell[] DeploymentCells(JsonElement obj, DateTimeOffset now) =>
    [
        obj.Name(),
        $"{obj.Number("status", "readyReplicas")}/{obj.Number("spec", "replicas")}",
        obj.Number("status", "updatedReplicas"),
        obj.Number("status", "availableReplicas"),
        obj.Age(now),
        Containers(obj, "name"),
        Containers(obj, "image"),
        Selector(obj),
    ];

    private static string Containers(JsonElement obj, string field) =>
        string.Join(',', obj.List("spec", "template", "spec", "containers").Select(container => container.Text(field)));

    /// <summary>A selector of apps/v1 in the form that <c>kubectl get -l</c> takes.</summary>
    private static string Selector(JsonElement obj)
    {
        var pairs = obj.Members("spec", "selector", "matchLabels").Select(pair => (Key: pair.Name, Text: $"{pair.Name}={pair.Value.GetString()}"));
        var expressions = obj.List("spec", "selector", "matchExpressions").Select(expression => (Key: expression.Text("key"), Text: Expression(expression)));
        return string.Join(',', pairs.Concat(expressions).OrderBy(part => part.Key, StringComparer.Ordinal).Select(part => part.Text)).Or(Fields.None);
    }

    private static string Expression(JsonElement expression)
    {
        var key = expression.Text("key");
        var values = string.Join(',', expression.List("values").Select(value => value.GetString()).Order(StringComparer.Ordinal));
        return expression.Text("operator") switch
        {
            "In" => $"{key} in ({values})",
            "NotIn" => $"{key} notin ({values})",
            "DoesNotExist" => $"!{key}",
            _ => key,
        };
    }
}
