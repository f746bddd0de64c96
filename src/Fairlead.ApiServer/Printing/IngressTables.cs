using System.Text.Json;

namespace Fairlead.ApiServer.Printing;

/// <summary>Kinds of networking.k8s.io.</summary>
internal static class IngressTables
{
    public static readonly TableLayout Ingresses = new(
    [
        TablePrinter.Name,
        TablePrinter.Text("Class", "Which controller serves it."),
        TablePrinter.Text("Hosts", "Host names of the rules."),
        TablePrinter.Text("Address", "Where the controller listens."),
        TablePrinter.Text("Ports", "80, and 443 with TLS."),
        TablePrinter.Age,
    ], IngressCells);

    public static readonly TableLayout Classes = new(
    [
        TablePrinter.Name,
        TablePrinter.Text("Controller", "The controller that serves this class."),
        TablePrinter.Text("Parameters", "The object that configures the controller."),
        TablePrinter.Age,
    ], ClassCells);

    public static readonly TableLayout NetworkPolicies = new(
        [TablePrinter.Name, TablePrinter.Text("Pod-Selector", "Labels of the pods that the policy is about."), TablePrinter.Age],
        (obj, now) => [obj.Name(), SelectorText.Of(obj, "spec", "podSelector"), obj.Age(now)]);

    private static Cell[] IngressCells(JsonElement ingress, DateTimeOffset now) =>
    [
        ingress.Name(),
        ingress.Text("spec", "ingressClassName").Or(ingress.Text("metadata", "annotations", "kubernetes.io/ingress.class")).Or(Fields.None),
        Hosts(ingress),
        string.Join(',', ingress.List("status", "loadBalancer", "ingress").Select(at => at.Text("ip").Or(at.Text("hostname"))).Where(text => text.Length > 0)),
        ingress.List("spec", "tls").Any() ? "80, 443" : "80",
        ingress.Age(now),
    ];

    private static string Hosts(JsonElement ingress)
    {
        var hosts = ingress.List("spec", "rules").Select(rule => rule.Text("host")).Where(host => host.Length > 0).ToList();
        return hosts.Count == 0 ? "*" : Fields.FirstThree(hosts);
    }

    private static Cell[] ClassCells(JsonElement ingressClass, DateTimeOffset now)
    {
        var parameters = Fields.None;
        if (ingressClass.At("spec", "parameters") is { } reference)
        {
            var kind = reference.Text("kind");
            if (reference.Text("apiGroup") is { Length: > 0 } group) kind = $"{kind}.{group}";
            parameters = $"{kind}/{reference.Text("name")}";
        }
        return [ingressClass.Name(), ingressClass.Text("spec", "controller"), parameters, ingressClass.Age(now)];
    }
}
