using System.Text.Json;
using Fairlead.ApiServer.Resources.Schema;

namespace Fairlead.ApiServer.Printing;

/// <summary>As a metrics server prints them.</summary>
internal static class MetricsTables
{
    private static readonly ColumnDefinition[] Columns =
    [
        TablePrinter.Name,
        TablePrinter.Text("cpu", "Processor time, in cores."),
        TablePrinter.Text("memory", "Working set, in bytes."),
        TablePrinter.Text("Window", "Over which the processor time was measured."),
    ];

    public static readonly TableLayout Nodes = new(Columns, (node, _) => [node.Name(), node.Text("usage", "cpu"), node.Text("usage", "memory"), node.Text("window")]);

    public static readonly TableLayout Pods = new(Columns, (pod, _) =>
    [
        pod.Name(), Quantity.OfNanos((long)(Sum(pod, "cpu") * 1_000_000_000)), Quantity.OfBytes((long)Sum(pod, "memory")), pod.Text("window"),
    ]);

    private static decimal Sum(JsonElement pod, string resource) => pod.List("containers").Sum(container => Quantity.Value(container.Text("usage", resource)));
}
