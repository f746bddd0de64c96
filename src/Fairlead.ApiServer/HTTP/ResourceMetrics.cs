using System.Globalization;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Metrics.Usage;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Resources.Schema;
using Fairlead.ApiServer.Watch;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.HTTP;

/// <summary>
/// metrics.k8s.io, what nodes and pods use, for <c>kubectl top</c> (Kubernetes documentation: "Resource metrics pipeline"). Nothing of it is
/// stored: the nodes are asked when a client asks.
/// </summary>
internal sealed class ResourceMetrics(Registry registry, NodeUsages usages, TimeProvider time)
{
    public const string Group = "metrics.k8s.io";
    private readonly Kind _nodes = registry.Kinds.Find("", "v1", "nodes")!;
    private readonly Kind _pods = registry.Kinds.Find("", "v1", "pods")!;

    public static bool Serves(ApiRequest request) => request.Kind?.Group == Group;

    public async Task HandleAsync(HttpContext context, ApiRequest request)
    {
        if (request.Subresource.Length > 0) throw ApiError.NoSuchPath();
        if (request.Verb is not ("get" or "list")) throw ApiError.MethodNotAllowed();
        var kind = request.Kind!;
        // Selectors are about the nodes and pods themselves, whose labels these objects carry.
        var selected = Select(context, kind.Namespaced ? _pods : _nodes, request);
        usages.Keep(registry.Cache[_nodes].Objects.Values.Select(node => node.Name).ToHashSet());
        var found = kind.Namespaced ? await OfPodsAsync(kind, selected, context.RequestAborted) : await OfNodesAsync(kind, selected, context.RequestAborted);
        if (request.Name.Length > 0 && found.Count == 0) throw ApiError.NotFound(kind, request.Name);
        if (ResourceHandler.WantsTable(context))
            await TableAnswer.WriteAsync(context, kind, [.. found.Select(pair => StoredObject.Shown(pair.About, pair.Metrics))], ResourceHandler.HeadOf(registry.Cache.Snapshot(_nodes).Revision, null, 0), time.GetUtcNow());
        else if (request.Name.Length > 0) await Answers.WriteAsync(context, 200, found[0].Metrics);
        else await Answers.WriteAsync(context, 200, ListOf(kind, found.Select(pair => pair.Metrics)));
    }

    private List<StoredObject> Select(HttpContext context, Kind kind, ApiRequest request)
    {
        var selection = RequestQuery.Selection(context, kind, request.Namespace, request.Name);
        return [.. registry.Cache[kind].Objects.Values.Where(selection.Matches)];
    }

    private async Task<List<(StoredObject About, JsonObject Metrics)>> OfNodesAsync(Kind kind, List<StoredObject> nodes, CancellationToken cancel)
    {
        var found = await Task.WhenAll(nodes.Select(node => usages.OfAsync(node.Name, static _ => true, cancel)));
        var answer = new List<(StoredObject, JsonObject)>();
        foreach (var (node, usage) in nodes.Zip(found))
        {
            if (usage?.Node is not { } used) continue;
            var metrics = Describe(kind, node, used);
            metrics["usage"] = Amounts(used);
            answer.Add((node, metrics));
        }
        return answer;
    }

    private async Task<List<(StoredObject About, JsonObject Metrics)>> OfPodsAsync(Kind kind, List<StoredObject> pods, CancellationToken cancel)
    {
        var placed = pods.Where(pod => pod.Fields["spec.nodeName"].Length > 0).ToList();
        var byNode = placed.ToLookup(pod => pod.Fields["spec.nodeName"]);
        var usage = await Task.WhenAll(byNode.Select(node => usages.OfAsync(node.Key, answer => node.Where(IsRunning).All(pod => answer.Pods.ContainsKey((pod.Namespace, pod.Name))), cancel)));
        var found = byNode.Select(node => node.Key).Zip(usage).ToDictionary(pair => pair.First, pair => pair.Second);
        var answer = new List<(StoredObject, JsonObject)>();
        foreach (var pod in placed)
        {
            if (found[pod.Fields["spec.nodeName"]]?.Pods.GetValueOrDefault((pod.Namespace, pod.Name)) is not { } containers) continue;
            var metrics = Describe(kind, pod, containers.MinBy(container => container.Usage.Window).Usage);
            metrics["containers"] = new JsonArray([.. containers.Select(container => new JsonObject { ["name"] = container.Container, ["usage"] = Amounts(container.Usage) })]);
            answer.Add((pod, metrics));
        }
        return answer;
    }

    private static bool IsRunning(StoredObject pod) => pod.Fields["status.phase"] == "Running";

    private JsonObject Describe(Kind kind, StoredObject about, Usage usage)
    {
        var metadata = new JsonObject { ["name"] = about.Name };
        if (about.Namespace.Length > 0) metadata["namespace"] = about.Namespace;
        metadata["creationTimestamp"] = Timestamp.Format(time.GetUtcNow());
        if (about.Labels.Count > 0) metadata["labels"] = new JsonObject(about.Labels.Select(label => KeyValuePair.Create(label.Key, (JsonNode?)label.Value)));
        return new JsonObject
        {
            ["kind"] = kind.Name,
            ["apiVersion"] = kind.ApiVersion,
            ["metadata"] = metadata,
            ["timestamp"] = Timestamp.Format(usage.At),
            // A duration as Go writes it, to the millisecond.
            ["window"] = string.Create(CultureInfo.InvariantCulture, $"{usage.Window.TotalSeconds:0.###}s"),
        };
    }

    private static JsonObject Amounts(Usage usage) => new()
    {
        ["cpu"] = Quantity.OfNanos((long)Math.Round(usage.Cores * 1e9)),
        ["memory"] = Quantity.OfBytes((long)usage.Memory),
    };

    private static JsonObject ListOf(Kind kind, IEnumerable<JsonObject> items) => new()
    {
        ["kind"] = kind.Name + "List",
        ["apiVersion"] = kind.ApiVersion,
        ["metadata"] = new JsonObject(),
        ["items"] = new JsonArray([.. items]),
    };
}
