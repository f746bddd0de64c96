using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Resources.Strategies;

/// <summary>Defaults of a pod's spec, also within a template (Kubernetes API reference: "Pod").</summary>
internal static class PodSpecDefaults
{
    private static readonly string[] ContainerLists = ["initContainers", "containers"];

    public static void Apply(JsonObject spec)
    {
        spec.SetDefault("restartPolicy", "Always");
        spec.SetDefault("terminationGracePeriodSeconds", 30);
        spec.SetDefault("dnsPolicy", "ClusterFirst");
        if (spec.IsMissing("serviceAccountName") && spec.Text("serviceAccount") is { Length: > 0 } old) spec["serviceAccountName"] = old;
        spec.SetDefault("securityContext", new JsonObject());
        spec.SetDefault("schedulerName", "default-scheduler");
        var hostNetwork = spec.Flag("hostNetwork") == true;
        foreach (var (_, container) in spec.Items("ephemeralContainers")) DefaultContainer(container, hostNetwork);
        foreach (var list in ContainerLists)
        {
            foreach (var (_, container) in spec.Items(list)) DefaultContainer(container, hostNetwork);
        }
        foreach (var (_, volume) in spec.Items("volumes")) DefaultVolume(volume);
    }

    private static void DefaultContainer(JsonObject container, bool hostNetwork)
    {
        container.SetDefault("imagePullPolicy", TagOf(container.Text("image") ?? "") is "latest" ? "Always" : "IfNotPresent");
        container.SetDefault("terminationMessagePath", "/dev/termination-log");
        container.SetDefault("terminationMessagePolicy", "File");
        container.SetDefault("resources", new JsonObject());
        foreach (var (_, port) in container.Items("ports"))
        {
            port.SetDefault("protocol", "TCP");
            if (hostNetwork && port.Number("containerPort") is { } number) port.SetDefault("hostPort", number);
        }
        foreach (var (_, variable) in container.Items("env"))
        {
            if (variable.Object("valueFrom", "fieldRef") is { } field) field.SetDefault("apiVersion", "v1");
        }
        DefaultRequests(container);
        foreach (var probe in (ReadOnlySpan<string>)["livenessProbe", "readinessProbe", "startupProbe"])
        {
            if (container.Object(probe) is { } found) DefaultProbe(found);
        }
        foreach (var hook in (ReadOnlySpan<string>)["postStart", "preStop"])
        {
            if (container.Object("lifecycle", hook, "httpGet") is { } get) DefaultHttpGet(get);
        }
    }

    // A limit without a request is also the request.
    private static void DefaultRequests(JsonObject container)
    {
        if (container.Object("resources", "limits") is not { } limits) return;
        var requests = container.Child("resources").Child("requests");
        foreach (var (name, amount) in limits) requests.SetDefault(name, amount!.DeepClone());
    }

    private static void DefaultProbe(JsonObject probe)
    {
        probe.SetDefault("timeoutSeconds", 1);
        probe.SetDefault("periodSeconds", 10);
        probe.SetDefault("successThreshold", 1);
        probe.SetDefault("failureThreshold", 3);
        if (probe.Object("httpGet") is { } get) DefaultHttpGet(get);
        if (probe.Object("grpc") is { } grpc) grpc.SetDefault("service", "");
    }

    private static void DefaultHttpGet(JsonObject get)
    {
        get.SetDefault("path", "/");
        get.SetDefault("scheme", "HTTP");
    }

    private static void DefaultVolume(JsonObject volume)
    {
        if (volume.Count == 1 && volume.ContainsKey("name")) volume["emptyDir"] = new JsonObject();
        foreach (var source in (ReadOnlySpan<string>)["configMap", "secret", "downwardAPI", "projected"])
        {
            if (volume.Object(source) is { } found) found.SetDefault("defaultMode", 420);
        }
        if (volume.Object("hostPath") is { } path) path.SetDefault("type", "");
        foreach (var (_, item) in volume.Items("downwardAPI", "items"))
        {
            if (item.Object("fieldRef") is { } field) field.SetDefault("apiVersion", "v1");
        }
        foreach (var (_, source) in volume.Items("projected", "sources"))
        {
            if (source.Object("serviceAccountToken") is { } token) token.SetDefault("expirationSeconds", 3600);
        }
    }

    /// <summary>The tag of an image reference; <c>latest</c> where it has neither a tag nor a digest.</summary>
    private static string TagOf(string image)
    {
        if (image.Contains('@', StringComparison.Ordinal)) return "";
        var name = image[(image.LastIndexOf('/') + 1)..];
        var colon = name.IndexOf(':', StringComparison.Ordinal);
        // The node's own root filesystem is never pulled, so its missing tag does not mean "newest".
        if (colon < 0) return image == "fairlead/host" ? "" : "latest";
        return name[(colon + 1)..];
    }
}
