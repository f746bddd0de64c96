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

    public static readonly TableLayout ReplicaSets = new(ReplicaColumns, (obj, now) => ReplicaCells(obj, now, SelectorText.Of(obj, "spec", "selector")));

    public static readonly TableLayout PodTemplates = new(
    [
        TablePrinter.Name,
        TablePrinter.Text("Containers", "Names of the template's containers."),
        TablePrinter.Text("Images", "Images of the template's containers."),
        TablePrinter.Text("Pod Labels", "Labels of the pods made from the template."),
    ], (obj, _) => [obj.Name(), Containers(obj, "name"), Containers(obj, "image"), obj.Labels("template", "metadata", "labels")]);

    public static readonly TableLayout Deployments = new(
    [
        TablePrinter.Name,
        TablePrinter.Text("Ready", "Number of ready pods and of pods wanted."),
        TablePrinter.Integer("Up-to-date", "Number of pods of the newest template."),
        TablePrinter.Integer("Available", "Number of pods that have been ready for long enough."),
        TablePrinter.Age,
        .. Template,
    ], DeploymentCells);

    public static readonly TableLayout StatefulSets = new(
    [
        TablePrinter.Name,
        TablePrinter.Text("Ready", "Number of ready pods and of pods wanted."),
        TablePrinter.Age,
        .. Template[..2],
    ], StatefulSetCells);

    public static readonly TableLayout DaemonSets = new(
    [
        TablePrinter.Name,
        TablePrinter.Integer("Desired", "Number of nodes that should run a pod."),
        TablePrinter.Integer("Current", "Number of nodes that have one and should."),
        TablePrinter.Integer("Ready", "Number of nodes whose pod is ready."),
        TablePrinter.Integer("Up-to-date", "Number of nodes whose pod is of the newest template."),
        TablePrinter.Integer("Available", "Number of nodes whose pod has been ready for long enough."),
        TablePrinter.Text("Node Selector", "Labels of the nodes that are to run a pod."),
        TablePrinter.Age,
        .. Template,
    ], DaemonSetCells);

    public static readonly TableLayout ControllerRevisions = new(
    [
        TablePrinter.Name,
        TablePrinter.Text("Controller", "Whose template this was."),
        TablePrinter.Integer("Revision", "The higher, the newer."),
        TablePrinter.Age,
    ], (obj, now) => [obj.Name(), Controller(obj), obj.Number("revision"), obj.Age(now)]);

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
        SelectorText.Of(obj, "spec", "selector"),
    ];

    private static Cell[] StatefulSetCells(JsonElement obj, DateTimeOffset now) =>
    [
        obj.Name(),
        $"{obj.Number("status", "readyReplicas")}/{obj.Number("spec", "replicas")}",
        obj.Age(now),
        Containers(obj, "name"),
        Containers(obj, "image"),
    ];

    private static Cell[] DaemonSetCells(JsonElement obj, DateTimeOffset now) =>
    [
        obj.Name(),
        obj.Number("status", "desiredNumberScheduled"),
        obj.Number("status", "currentNumberScheduled"),
        obj.Number("status", "numberReady"),
        obj.Number("status", "updatedNumberScheduled"),
        obj.Number("status", "numberAvailable"),
        obj.Labels("spec", "template", "spec", "nodeSelector"),
        obj.Age(now),
        Containers(obj, "name"),
        Containers(obj, "image"),
        SelectorText.Of(obj, "spec", "selector"),
    ];

    /// <summary><c>statefulset.apps/web</c>: the managing owner as kubectl would be asked for it.</summary>
    private static string Controller(JsonElement obj)
    {
        foreach (var owner in obj.List("metadata", "ownerReferences"))
        {
            if (!owner.Flag("controller")) continue;
            var version = owner.Text("apiVersion");
            var group = version.Contains('/', StringComparison.Ordinal) ? "." + version[..version.IndexOf('/', StringComparison.Ordinal)] : "";
            return $"{owner.Text("kind").ToLowerInvariant()}{group}/{owner.Text("name")}";
        }
        return Fields.None;
    }

    private static string Containers(JsonElement obj, string field)
    {
        var template = obj.At("spec", "template") ?? obj.At("template") ?? default;
        return string.Join(',', template.List("spec", "containers").Select(container => container.Text(field)));
    }
}
