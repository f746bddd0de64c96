using System.Text.Json;

namespace Fairlead.ApiServer.Printing;

internal static class NodeTable
{
    private const string RolePrefix = "node-role.kubernetes.io/";

    public static readonly TableLayout Layout = new(
    [
        TablePrinter.Name,
        TablePrinter.Text("Status", "Whether the node is ready and takes pods."),
        TablePrinter.Text("Roles", "Roles of the node, from its labels."),
        TablePrinter.Age,
        TablePrinter.Text("Version", "Version of the node agent."),
        TablePrinter.Wide("Internal-IP", "Address inside the cluster."),
        TablePrinter.Wide("External-IP", "Address outside of the cluster."),
        TablePrinter.Wide("OS-Image", "Operating system of the node."),
        TablePrinter.Wide("Kernel-Version", "Kernel of the node."),
        TablePrinter.Wide("Container-Runtime", "Container runtime of the node and its version."),
    ], Cells);

    private static Cell[] Cells(JsonElement node, DateTimeOffset now) =>
    [
        node.Name(),
        Status(node),
        string.Join(',', Roles(node).Distinct().Order(StringComparer.Ordinal)).Or(Fields.None),
        node.Age(now),
        node.Text("status", "nodeInfo", "kubeletVersion"),
        Address(node, "InternalIP"),
        Address(node, "ExternalIP"),
        node.Text("status", "nodeInfo", "osImage").Or(Fields.Unknown),
        node.Text("status", "nodeInfo", "kernelVersion").Or(Fields.Unknown),
        node.Text("status", "nodeInfo", "containerRuntimeVersion").Or(Fields.Unknown),
    ];

    private static string Status(JsonElement node)
    {
        var status = "Unknown";
        foreach (var condition in node.List("status", "conditions"))
        {
            if (condition.Text("type") == "Ready") status = condition.Text("status") == "True" ? "Ready" : "NotReady";
        }
        return node.Flag("spec", "unschedulable") ? status + ",SchedulingDisabled" : status;
    }

    private static IEnumerable<string> Roles(JsonElement node)
    {
        foreach (var label in node.Members("metadata", "labels"))
        {
            if (label.Name.StartsWith(RolePrefix, StringComparison.Ordinal) && label.Name.Length > RolePrefix.Length) yield return label.Name[RolePrefix.Length..];
            else if (label.Name == "kubernetes.io/role" && label.Value.GetString() is { Length: > 0 } role) yield return role;
        }
    }

    private static string Address(JsonElement node, string type)
    {
        foreach (var address in node.List("status", "addresses"))
        {
            if (address.Text("type") == type) return address.Text("address");
        }
        return Fields.None;
    }
}
