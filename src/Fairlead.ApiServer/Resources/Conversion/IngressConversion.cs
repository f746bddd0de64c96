using System.Globalization;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Resources.Conversion;

/// <summary>
/// extensions/v1beta1 and networking.k8s.io/v1beta1: <c>backend</c> for <c>defaultBackend</c>, <c>serviceName</c> and <c>servicePort</c> for
/// <c>service</c>, and a path type that may be left out (Kubernetes documentation: "Deprecated API Migration Guide", Ingress).
/// </summary>
internal sealed class IngressConversion : KindConversion
{
    public static readonly IngressConversion Instance = new();

    protected override void Store(JsonObject obj)
    {
        if (obj.Object("spec") is not { } spec) return;
        Move(spec, "backend", "defaultBackend");
        if (spec.Object("defaultBackend") is { } backend) StoreBackend(backend);
        foreach (var path in Paths(spec))
        {
            path.SetDefault("pathType", "ImplementationSpecific");
            if (path.Object("backend") is { } own) StoreBackend(own);
        }
    }

    protected override void Show(JsonObject obj)
    {
        if (obj.Object("spec") is not { } spec) return;
        Move(spec, "defaultBackend", "backend");
        if (spec.Object("backend") is { } backend) ShowBackend(backend);
        foreach (var path in Paths(spec))
        {
            if (path.Object("backend") is { } own) ShowBackend(own);
        }
    }

    private static IEnumerable<JsonObject> Paths(JsonObject spec) =>
        spec.Items("rules").SelectMany(rule => rule.Item.Items("http", "paths")).Select(path => path.Item);

    private static void StoreBackend(JsonObject backend)
    {
        var name = backend.Text("serviceName");
        var port = backend["servicePort"]?.DeepClone();
        backend.Remove("serviceName");
        backend.Remove("servicePort");
        if (name is null && port is null) return;
        var service = new JsonObject { ["name"] = name ?? "" };
        if (port.Number() is { } number) service["port"] = new JsonObject { ["number"] = number };
        else if (port.Text() is { Length: > 0 } named)
        {
            // A number that was written as text is a number all the same.
            service["port"] = int.TryParse(named, NumberStyles.None, CultureInfo.InvariantCulture, out var parsed)
                ? new JsonObject { ["number"] = parsed }
                : new JsonObject { ["name"] = named };
        }
        backend["service"] = service;
    }

    private static void ShowBackend(JsonObject backend)
    {
        if (backend.Object("service") is not { } service) return;
        backend.Remove("service");
        backend["serviceName"] = service.Text("name");
        if (service.Number("port", "number") is { } number) backend["servicePort"] = number;
        else if (service.Text("port", "name") is { } named) backend["servicePort"] = named;
    }
}
