using System.Text.Json;

namespace Fairlead.ApiServer.Printing;

internal static class PodTable
{
    public static readonly TableLayout Layout = new(
    [
        TablePrinter.Name,
        TablePrinter.Text("Ready", "Containers that are ready, of all."),
        TablePrinter.Text("Status", "State of the pod, or of the container that keeps it from running."),
        TablePrinter.Text("Restarts", "How often containers were restarted, and when last."),
        TablePrinter.Age,
        TablePrinter.Wide("IP", "Address of the pod."),
        TablePrinter.Wide("Node", "Node that the pod runs on."),
        TablePrinter.Wide("Nominated Node", "Node that other pods are driven out of for this one."),
        TablePrinter.Wide("Readiness Gates", "Readiness gates that are passed, of all."),
    ], Cells);

    private static Cell[] Cells(JsonElement pod, DateTimeOffset now)
    {
        var state = PodState.Read(pod);
        var restarts = state.Restarts != 0 && state.LastRestart is { } last
            ? $"{state.Restarts} ({HumanDuration.Since(last, now)} ago)"
            : $"{state.Restarts}";
        return
        [
            pod.Name(),
            $"{state.ReadyContainers}/{state.Containers}",
            state.Reason,
            restarts,
            pod.Age(now),
            Address(pod).Or(Fields.None),
            pod.Text("spec", "nodeName").Or(Fields.None),
            pod.Text("status", "nominatedNodeName").Or(Fields.None),
            Gates(pod),
        ];
    }

    private static string Address(JsonElement pod)
    {
        foreach (var address in pod.List("status", "podIPs")) return address.Text("ip");
        return pod.Text("status", "podIP");
    }

    private static string Gates(JsonElement pod)
    {
        var gates = pod.List("spec", "readinessGates").Select(gate => gate.Text("conditionType")).ToList();
        if (gates.Count == 0) return Fields.None;
        var passed = gates.Count(gate => pod.List("status", "conditions").Any(condition => condition.Text("type") == gate && condition.Text("status") == "True"));
        return $"{passed}/{gates.Count}";
    }
}
