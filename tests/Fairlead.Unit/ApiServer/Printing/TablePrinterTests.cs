using System.Globalization;
using System.Text.Json;
using Fairlead.ApiServer.Printing;
using Xunit;

namespace Fairlead.Unit.ApiServer.Printing;

public sealed class TablePrinterTests
{
    private const string Meta = "\"metadata\":{\"name\":\"x\",\"creationTimestamp\":\"2026-01-01T00:00:00Z\"";

    internal static readonly DateTimeOffset Now = DateTimeOffset.Parse("2026-01-01T00:05:00Z", CultureInfo.InvariantCulture);

    internal static string[] Row(string group, string plural, string json)
    {
        using var document = JsonDocument.Parse(json);
        var layout = TablePrinter.For(group, plural);
        var cells = layout.Cells(document.RootElement, Now);
        Assert.Equal(layout.Columns.Count, cells.Length);
        return [.. cells.Select(cell => cell.ToString())];
    }

    private static string Line(string group, string plural, string rest) => string.Join(" | ", Row(group, plural, "{" + Meta + rest + "}"));

    [Theory]
    [InlineData("", "namespaces", "Name Status Age")]
    [InlineData("", "nodes", "Name Status Roles Age Version Internal-IP* External-IP* OS-Image* Kernel-Version* Container-Runtime*")]
    [InlineData("", "pods", "Name Ready Status Restarts Age IP* Node* Nominated Node* Readiness Gates*")]
    [InlineData("", "services", "Name Type Cluster-IP External-IP Port(s) Age Selector*")]
    [InlineData("", "endpoints", "Name Endpoints Age")]
    [InlineData("discovery.k8s.io", "endpointslices", "Name AddressType Ports Endpoints Age")]
    [InlineData("", "replicationcontrollers", "Name Desired Current Ready Age Containers* Images* Selector*")]
    [InlineData("apps", "deployments", "Name Ready Up-to-date Available Age Containers* Images* Selector*")]
    [InlineData("", "events", "Last Seen Type Reason Object Subobject* Source* Message First Seen* Count* Name*")]
    [InlineData("", "configmaps", "Name Data Age")]
    [InlineData("", "secrets", "Name Type Data Age")]
    [InlineData("", "serviceaccounts", "Name Secrets Age")]
    [InlineData("coordination.k8s.io", "leases", "Name Holder Age")]
    [InlineData("example.com", "widgets", "Name Age")]
    public void Columns_AreThoseOfKubernetes(string group, string plural, string columns) =>
        Assert.Equal(columns, string.Join(' ', TablePrinter.For(group, plural).Columns.Select(column => column.Name + (column.Priority == 1 ? "*" : ""))));

    [Theory]
    [InlineData("", "namespaces", "},\"status\":{\"phase\":\"Active\"}", "x | Active | 5m")]
    [InlineData("", "configmaps", "},\"data\":{\"a\":\"1\",\"b\":\"2\"},\"binaryData\":{\"c\":\"\"}", "x | 3 | 5m")]
    [InlineData("", "secrets", "},\"type\":\"Opaque\",\"data\":{\"a\":\"\"}", "x | Opaque | 1 | 5m")]
    [InlineData("", "serviceaccounts", "}", "x | 0 | 5m")]
    [InlineData("coordination.k8s.io", "leases", "},\"spec\":{\"holderIdentity\":\"node-1\"}", "x | node-1 | 5m")]
    [InlineData("example.com", "widgets", "}", "x | 5m")]
    [InlineData("", "services", "},\"spec\":{\"type\":\"ClusterIP\",\"clusterIP\":\"10.96.0.7\",\"clusterIPs\":[\"10.96.0.7\"],\"ports\":[{\"port\":80,\"protocol\":\"TCP\"},{\"port\":53,\"protocol\":\"UDP\"}],\"selector\":{\"b\":\"2\",\"a\":\"1\"}}",
        "x | ClusterIP | 10.96.0.7 | <none> | 80/TCP,53/UDP | 5m | a=1,b=2")]
    [InlineData("", "services", "},\"spec\":{\"type\":\"ClusterIP\",\"clusterIP\":\"None\",\"clusterIPs\":[\"None\"]}", "x | ClusterIP | None | <none> | <none> | 5m | <none>")]
    [InlineData("", "services", "},\"spec\":{\"type\":\"NodePort\",\"clusterIPs\":[\"10.96.0.7\"],\"externalIPs\":[\"192.0.2.1\",\"192.0.2.2\"],\"ports\":[{\"port\":80,\"nodePort\":30080,\"protocol\":\"TCP\"}]}",
        "x | NodePort | 10.96.0.7 | 192.0.2.1,192.0.2.2 | 80:30080/TCP | 5m | <none>")]
    [InlineData("", "services", "},\"spec\":{\"type\":\"LoadBalancer\",\"clusterIPs\":[\"10.96.0.7\"]}", "x | LoadBalancer | 10.96.0.7 | <pending> | <none> | 5m | <none>")]
    [InlineData("", "services", "},\"spec\":{\"type\":\"LoadBalancer\",\"clusterIPs\":[\"10.96.0.7\"]},\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"172.18.0.200\"}]}}",
        "x | LoadBalancer | 10.96.0.7 | 172.18.0.200 | <none> | 5m | <none>")]
    [InlineData("", "services", "},\"spec\":{\"type\":\"ExternalName\",\"externalName\":\"example.com\"}", "x | ExternalName | <none> | example.com | <none> | 5m | <none>")]
    [InlineData("", "endpoints", "}", "x | <none> | 5m")]
    [InlineData("", "endpoints", "},\"subsets\":[{\"addresses\":[{\"ip\":\"10.0.0.1\"},{\"ip\":\"fd00::1\"}],\"ports\":[{\"port\":8080}]}]", "x | 10.0.0.1:8080,[fd00::1]:8080 | 5m")]
    [InlineData("", "endpoints", "},\"subsets\":[{\"addresses\":[{\"ip\":\"a\"},{\"ip\":\"b\"}],\"ports\":[{\"port\":1},{\"port\":2}]}]", "x | a:1,b:1,a:2 + 1 more... | 5m")]
    [InlineData("", "endpoints", "},\"subsets\":[{\"addresses\":[{\"ip\":\"a\"}]}]", "x | a | 5m")]
    [InlineData("", "endpoints", "},\"subsets\":[{\"notReadyAddresses\":[{\"ip\":\"a\"}],\"ports\":[{\"port\":1}]}]", "x |  | 5m")]
    [InlineData("discovery.k8s.io", "endpointslices", "},\"addressType\":\"IPv4\",\"ports\":[],\"endpoints\":[]", "x | IPv4 | <unset> | <unset> | 5m")]
    [InlineData("discovery.k8s.io", "endpointslices", "},\"addressType\":\"IPv4\",\"ports\":[{\"port\":8080},{\"name\":\"any\"}],\"endpoints\":[{\"addresses\":[\"a\"]},{\"addresses\":[\"b\"]},{\"addresses\":[\"c\"]},{\"addresses\":[\"d\"]},{\"addresses\":[\"e\"]}]",
        "x | IPv4 | 8080,any | a,b,c + 2 more... | 5m")]
    [InlineData("", "replicationcontrollers", "},\"spec\":{\"replicas\":3,\"selector\":{\"app\":\"kubia\"},\"template\":{\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"i\"},{\"name\":\"b\",\"image\":\"j\"}]}}},\"status\":{\"replicas\":3,\"readyReplicas\":2}",
        "x | 3 | 3 | 2 | 5m | a,b | i,j | app=kubia")]
    [InlineData("apps", "deployments", "},\"spec\":{\"replicas\":3,\"selector\":{\"matchLabels\":{\"app\":\"kubia\"},\"matchExpressions\":[{\"key\":\"aa\",\"operator\":\"In\",\"values\":[\"z\",\"y\"]}]}},\"status\":{\"readyReplicas\":2,\"updatedReplicas\":1,\"availableReplicas\":2}",
        "x | 2/3 | 1 | 2 | 5m |  |  | aa in (y,z),app=kubia")]
    [InlineData("", "nodes", ",\"labels\":{\"node-role.kubernetes.io/worker\":\"\",\"node-role.kubernetes.io/control-plane\":\"\"}},\"spec\":{\"unschedulable\":true},\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}],\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"172.18.0.2\"}],\"nodeInfo\":{\"kubeletVersion\":\"v1.36.0\",\"osImage\":\"Debian\",\"kernelVersion\":\"6.1\",\"containerRuntimeVersion\":\"runc://1.1.5\"}}",
        "x | Ready,SchedulingDisabled | control-plane,worker | 5m | v1.36.0 | 172.18.0.2 | <none> | Debian | 6.1 | runc://1.1.5")]
    [InlineData("", "nodes", "},\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"Unknown\"}]}", "x | NotReady | <none> | 5m |  | <none> | <none> | <unknown> | <unknown> | <unknown>")]
    [InlineData("", "nodes", "}", "x | Unknown | <none> | 5m |  | <none> | <none> | <unknown> | <unknown> | <unknown>")]
    [InlineData("", "events", "},\"firstTimestamp\":\"2026-01-01T00:00:00Z\",\"lastTimestamp\":\"2026-01-01T00:04:30Z\",\"count\":4,\"type\":\"Normal\",\"reason\":\"Scheduled\",\"message\":\"hello\\n\",\"involvedObject\":{\"kind\":\"Pod\",\"name\":\"p\",\"fieldPath\":\"spec.containers{c}\"},\"source\":{\"component\":\"kubelet\",\"host\":\"node-1\"}",
        "30s | Normal | Scheduled | pod/p | spec.containers{c} | kubelet, node-1 | hello | 5m | 4 | x")]
    public void Cells_OfAnObject(string group, string plural, string rest, string expected) => Assert.Equal(expected, Line(group, plural, rest));
}
