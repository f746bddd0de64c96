using System.Net;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Resources.Strategies;

/// <summary>Kubernetes documentation: "Ingress", with its validation's words.</summary>
internal sealed class IngressStrategy : KindStrategy
{
    public const string ClassAnnotation = "kubernetes.io/ingress.class";
    private static readonly string[] Unclean = ["//", "/./", "/../", "%2f", "%2F"];
    private static readonly string[] UncleanEnds = ["/..", "/."];

    public override void Validate(JsonObject obj, FieldErrors errors)
    {
        var spec = obj.Child("spec");
        var backend = spec.Object("defaultBackend");
        if (backend is null && spec.Array("rules") is not { Count: > 0 })
            errors.Invalid("spec", spec.DeepClone(), "either `defaultBackend` or `rules` must be specified");
        foreach (var (i, tls) in spec.Items("tls")) ValidateTls(tls, $"spec.tls[{i}]", errors);
        foreach (var (i, rule) in spec.Items("rules")) ValidateRule(rule, $"spec.rules[{i}]", errors);
        if (backend is not null) ValidateBackend(backend, "spec.defaultBackend", errors);
        if (spec.Text("ingressClassName") is not { } name) return;
        if (NameRules.Subdomain(name) is { } wrong) errors.Invalid("spec.ingressClassName", name, wrong);
    }

    /// <summary>A new Ingress says its class once; one that had the annotation may gain the field.</summary>
    public override IDisposable? Reserve(JsonObject obj, JsonObject? old, FieldErrors errors)
    {
        if (old is null && obj.Text("spec", "ingressClassName") is not null && obj.Text("metadata", "annotations", ClassAnnotation) is { } annotated)
            errors.Invalid($"annotations[{ClassAnnotation}]", annotated, "can not be set when the class field is also set");
        return null;
    }

    private static void ValidateTls(JsonObject tls, string field, FieldErrors errors)
    {
        var i = 0;
        foreach (var host in tls.Texts("hosts")) ValidateHost(host, $"{field}.hosts[{i++}]", errors);
        if (tls.Text("secretName") is { Length: > 0 } secret && NameRules.Subdomain(secret) is { } wrong) errors.Invalid($"{field}.secretName", secret, wrong);
    }

    private static void ValidateHost(string host, string field, FieldErrors errors)
    {
        if (host.Contains('*', StringComparison.Ordinal))
        {
            var wrong = host.StartsWith("*.", StringComparison.Ordinal) ? NameRules.Subdomain(host[2..]) : "a wildcard DNS-1123 subdomain must start with '*.'";
            if (wrong is not null) errors.Invalid(field, host, wrong);
        }
        else if (NameRules.Subdomain(host) is { } wrong) errors.Invalid(field, host, wrong);
    }

    private static void ValidateRule(JsonObject rule, string field, FieldErrors errors)
    {
        if (rule.Text("host") is { Length: > 0 } host)
        {
            if (IPAddress.TryParse(host, out _)) errors.Invalid($"{field}.host", host, "must be a DNS name, not an IP address");
            ValidateHost(host, $"{field}.host", errors);
        }
        if (rule.Object("http") is not { } http) return;
        if (http.Array("paths") is not { Count: > 0 }) errors.Required($"{field}.http.paths");
        foreach (var (i, path) in http.Items("paths")) ValidatePath(path, $"{field}.http.paths[{i}]", errors);
    }

    private static void ValidatePath(JsonObject rule, string field, FieldErrors errors)
    {
        var path = rule.Text("path") ?? "";
        switch (rule.Text("pathType"))
        {
            case null:
                errors.Required($"{field}.pathType", "pathType must be specified");
                break;
            case "Exact" or "Prefix":
                if (!path.StartsWith('/')) errors.Invalid($"{field}.path", path, "must be an absolute path");
                foreach (var part in Unclean.Where(part => path.Contains(part, StringComparison.Ordinal))) errors.Invalid($"{field}.path", path, $"must not contain '{part}'");
                foreach (var end in UncleanEnds.Where(end => path.EndsWith(end, StringComparison.Ordinal))) errors.Invalid($"{field}.path", path, $"cannot end with '{end}'");
                break;
            case "ImplementationSpecific":
                if (path.Length > 0 && !path.StartsWith('/')) errors.Invalid($"{field}.path", path, "must be an absolute path");
                break;
            case var other:
                errors.NotSupported($"{field}.pathType", other, "Exact", "Prefix", "ImplementationSpecific");
                break;
        }
        if (rule.Object("backend") is { } backend) ValidateBackend(backend, $"{field}.backend", errors);
        else errors.Invalid($"{field}.backend", "", "resource or service backend is required");
    }

    private static void ValidateBackend(JsonObject backend, string field, FieldErrors errors)
    {
        var service = backend.Object("service");
        var resource = backend.Object("resource");
        if (service is not null && resource is not null) errors.Invalid(field, "", "cannot set both resource and service backends");
        else if (resource is not null) ValidateResource(resource, $"{field}.resource", errors);
        else if (service is not null) ValidateService(service, $"{field}.service", errors);
        else errors.Invalid(field, "", "resource or service backend is required");
    }

    private static void ValidateResource(JsonObject resource, string field, FieldErrors errors)
    {
        if (resource.Text("kind") is not { Length: > 0 }) errors.Required($"{field}.kind");
        if (resource.Text("name") is not { Length: > 0 }) errors.Required($"{field}.name");
    }

    private static void ValidateService(JsonObject service, string field, FieldErrors errors)
    {
        var name = service.Text("name") ?? "";
        if (name.Length == 0) errors.Required($"{field}.name");
        else if (NameRules.Label1035(name) is { } wrong) errors.Invalid($"{field}.name", name, wrong);
        var port = service.Object("port");
        var named = port.Text("name") ?? "";
        var number = port.Number("number") ?? 0;
        if (named.Length > 0 && number != 0) errors.Invalid(field, "", "cannot set both port name & port number");
        else if (named.Length > 0)
        {
            if (NameRules.PortName(named) is { } wrongPort) errors.Invalid($"{field}.port.name", named, wrongPort);
        }
        else if (number == 0) errors.Required(field, "port name or number is required");
        else if (!PortRules.IsPort(number)) errors.Invalid($"{field}.port.number", number, PortRules.Range);
    }
}

/// <summary>Kubernetes documentation: "Ingress", section "Ingress class".</summary>
internal sealed class IngressClassStrategy : KindStrategy
{
    private const int LongestController = 250;

    public override void Default(JsonObject obj) => obj.Object("spec", "parameters")?.SetDefault("scope", "Cluster");

    public override void Validate(JsonObject obj, FieldErrors errors)
    {
        var controller = obj.Text("spec", "controller") ?? "";
        if (controller.Length == 0) errors.Required("spec.controller");
        else if (controller.Length > LongestController) errors.TooLong("spec.controller", LongestController);
        else if (controller.Split('/', 2) is not [var domain, { Length: > 0 }] || NameRules.Subdomain(domain) is not null)
            errors.Invalid("spec.controller", controller, "must be a domain-prefixed path (such as \"acme.io/foo\")");
        if (obj.Object("spec", "parameters") is not { } parameters) return;
        if (parameters.Text("kind") is not { Length: > 0 }) errors.Required("spec.parameters.kind", "kind is required");
        if (parameters.Text("name") is not { Length: > 0 }) errors.Required("spec.parameters.name", "name is required");
        var ns = parameters.Text("namespace");
        switch (parameters.Text("scope"))
        {
            case "Cluster" when ns is not null:
                errors.Forbidden("spec.parameters.namespace", "should not be set when `spec.parameters.scope` is set to `Cluster`");
                break;
            case "Namespace" when ns is null:
                errors.Required("spec.parameters.namespace", "`spec.parameters.scope` is set to `Namespace`");
                break;
            case not ("Cluster" or "Namespace") and var scope:
                errors.NotSupported("spec.parameters.scope", scope ?? "", "Cluster", "Namespace");
                break;
        }
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, FieldErrors errors)
    {
        if (obj.Text("spec", "controller") is var now && now != old.Text("spec", "controller")) errors.Invalid("spec.controller", now, "field is immutable");
    }
}

/// <summary>Kept for those who enforce it; Fairlead does not.</summary>
internal sealed class NetworkPolicyStrategy : KindStrategy
{
    public override void Default(JsonObject obj)
    {
        var spec = obj.Child("spec");
        spec.Child("podSelector");
        if (spec.Array("policyTypes") is not { Count: > 0 })
            spec["policyTypes"] = spec.Array("egress") is { Count: > 0 } ? new JsonArray("Ingress", "Egress") : new JsonArray("Ingress");
        foreach (var list in (ReadOnlySpan<string>)["ingress", "egress"])
        {
            foreach (var (_, port) in spec.Items(list).SelectMany(rule => rule.Item.Items("ports"))) port.SetDefault("protocol", "TCP");
        }
    }

    public override void Validate(JsonObject obj, FieldErrors errors)
    {
        var i = 0;
        foreach (var type in obj.Texts("spec", "policyTypes"))
        {
            if (type is not ("Ingress" or "Egress")) errors.NotSupported($"spec.policyTypes[{i}]", type, "Egress", "Ingress");
            i++;
        }
    }
}
