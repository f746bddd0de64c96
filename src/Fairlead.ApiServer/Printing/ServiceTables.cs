using System.Globalization;
using System.Text.Json;

namespace Fairlead.ApiServer.Printing;

/// <summary>Services and what is behind them.</summary>
internal static class ServiceTables
{
    public static readonly TableLayout Services = new(
    [
        TablePrinter.Name,
        TablePrinter.Text("Type", "How the service is exposed."),
        TablePrinter.Text("Cluster-IP", "Address of the service inside the cluster."),
        TablePrinter.Text("External-IP", "Addresses of the service outside of the cluster."),
        TablePrinter.Text("Port(s)", "Ports of the service, each with its node port where it has one."),
        TablePrinter.Age,
        TablePrinter.Wide("Selector", "Labels of the pods behind the service."),
    ], ServiceCells);

    public static readonly TableLayout Endpoints = new(
        [TablePrinter.Name, TablePrinter.Text("Endpoints", "Ready addresses with their ports."), TablePrinter.Age],
        (obj, now) => [obj.Name(), Addresses(obj), obj.Age(now)]);

    public static readonly TableLayout EndpointSlices = new(
    [
        TablePrinter.Name,
        TablePrinter.Text("AddressType", "Family of the addresses."),
        TablePrinter.Text("Ports", "Ports of the endpoints."),
        TablePrinter.Text("Endpoints", "Addresses of the endpoints."),
        TablePrinter.Age,
    ], SliceCells);

    private static Cell[] ServiceCells(JsonElement service, DateTimeOffset now) =>
    [
        service.Name(),
        service.Text("spec", "type"),
        ClusterAddress(service),
        ExternalAddress(service),
        string.Join(',', service.List("spec", "ports").Select(Port)).Or(Fields.None),
        service.Age(now),
        service.Labels("spec", "selector"),
    ];

    private static string ClusterAddress(JsonElement service)
    {
        foreach (var address in service.List("spec", "clusterIPs")) return address.GetString() ?? Fields.None;
        return service.Text("spec", "clusterIP").Or(Fields.None);
    }

    private static string ExternalAddress(JsonElement service)
    {
        var own = service.List("spec", "externalIPs").Select(address => address.GetString()!);
        return service.Text("spec", "type") switch
        {
            "ClusterIP" or "NodePort" => string.Join(',', own).Or(Fields.None),
            "LoadBalancer" => string.Join(',', Balanced(service).Concat(own)).Or("<pending>"),
            "ExternalName" => service.Text("spec", "externalName"),
            _ => Fields.Unknown,
        };
    }

    private static IEnumerable<string> Balanced(JsonElement service) =>
        service.List("status", "loadBalancer", "ingress")
            .Select(ingress => ingress.Text("ip").Or(ingress.Text("hostname")))
            .Where(address => address.Length > 0)
            .Distinct()
            .Order(StringComparer.Ordinal);

    private static string Port(JsonElement port)
    {
        var node = port.Number("nodePort");
        var number = node > 0 ? $"{port.Number("port")}:{node}" : port.Number("port").ToString(CultureInfo.InvariantCulture);
        return $"{number}/{port.Text("protocol").Or("TCP")}";
    }

    private static string Addresses(JsonElement endpoints)
    {
        if (!endpoints.List("subsets").Any()) return Fields.None;
        return Fields.FirstThree([.. endpoints.List("subsets").SelectMany(SubsetAddresses)]);
    }

    /// <summary>Each address with each port; a headless service may have no ports at all.</summary>
    private static IEnumerable<string> SubsetAddresses(JsonElement subset)
    {
        var addresses = subset.List("addresses").Select(address => address.Text("ip"));
        var ports = subset.List("ports").Select(port => port.Number("port")).ToList();
        return ports.Count == 0 ? addresses : ports.SelectMany(port => addresses.Select(address => HostPort(address, port)));
    }

    private static string HostPort(string address, long port) =>
        address.Contains(':', StringComparison.Ordinal) ? $"[{address}]:{port}" : $"{address}:{port}";

    private static Cell[] SliceCells(JsonElement slice, DateTimeOffset now)
    {
        var ports = slice.List("ports").Select(port => port.At("port") is { } number ? number.GetRawText() : port.At("name")?.GetString() ?? "*");
        var addresses = slice.List("endpoints").SelectMany(endpoint => endpoint.List("addresses")).Select(address => address.GetString()!);
        return
        [
            slice.Name(),
            slice.Text("addressType"),
            Fields.FirstThree([.. ports]).Or("<unset>"),
            Fields.FirstThree([.. addresses]).Or("<unset>"),
            slice.Age(now),
        ];
    }
}
