using Fairlead.ApiServer.HTTP.Proxying;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.HTTP;

/// <summary>
/// pods/log, exec, attach and portforward: finds the node that runs the pod and carries the request through to the
/// kubelet's API there.
/// </summary>
internal sealed class NodeStreams(Registry registry, NodeTunnel tunnel)
{
    private readonly ProxyTargets _targets = new(registry);
    private static readonly string[] LogParameters =
        ["follow", "previous", "sinceSeconds", "sinceTime", "timestamps", "tailLines", "limitBytes", "stream"];

    public static bool Serves(ApiRequest request) =>
        request.Kind?.Plural == "pods" && request.Subresource is "log" or "exec" or "attach" or "portforward";

    public Task HandleAsync(HttpContext context, ApiRequest request)
    {
        var pod = registry.Get(request.Kind!, request.Namespace, request.Name).ToTree();
        if (pod.Text("spec", "nodeName") is not { Length: > 0 } node) throw ApiError.BadRequest($"pod {request.Name} does not have a host assigned");
        var address = _targets.KubeletOf(node);
        var path = $"/{request.Namespace}/{request.Name}";
        var query = context.Request.Query;
        if (request.Subresource == "portforward")
            return tunnel.UpgradeAsync(context, address, $"/portForward{path}{context.Request.QueryString}");
        var container = ContainerOf(pod, query.First("container"), request.Name);
        if (request.Subresource != "log")
            return tunnel.UpgradeAsync(context, address, $"/{request.Subresource}{path}/{container}?{StreamQuery(query)}");
        var logs = LogParameters.Where(name => query.ContainsKey(name)).Select(name => $"{name}={Uri.EscapeDataString(query.First(name))}");
        return tunnel.GetAsync(context, address, $"/containerLogs{path}/{container}?{string.Join('&', logs)}");
    }

    // The API says stdin, stdout, stderr; the kubelet says input, output, error.
    private static string StreamQuery(IQueryCollection query)
    {
        var parts = new List<string>();
        foreach (var (api, kubelet) in (ReadOnlySpan<(string, string)>)[("stdin", "input"), ("stdout", "output"), ("stderr", "error"), ("tty", "tty")])
        {
            if (query.First(api) is "true" or "1") parts.Add($"{kubelet}=1");
        }
        foreach (var word in query["command"]) parts.Add("command=" + Uri.EscapeDataString(word ?? ""));
        return string.Join('&', parts);
    }

    private static string ContainerOf(System.Text.Json.Nodes.JsonObject pod, string asked, string podName)
    {
        var all = new List<string>();
        foreach (var list in (ReadOnlySpan<string>)["containers", "initContainers", "ephemeralContainers"])
            all.AddRange(pod.Items("spec", list).Select(pair => pair.Item.Text("name") ?? ""));
        if (asked.Length > 0) return all.Contains(asked) ? asked : throw ApiError.BadRequest($"container {asked} is not valid for pod {podName}");
        if (pod.Text("metadata", "annotations", "kubectl.kubernetes.io/default-container") is { } chosen && all.Contains(chosen)) return chosen;
        var main = pod.Items("spec", "containers").Select(pair => pair.Item.Text("name")).ToList();
        if (main.Count == 1) return main[0]!;
        throw ApiError.BadRequest($"a container name must be specified for pod {podName}, choose one of: [{string.Join(' ', main)}]");
    }
}
