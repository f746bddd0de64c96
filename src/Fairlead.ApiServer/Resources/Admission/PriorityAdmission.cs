using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Watch;

namespace Fairlead.ApiServer.Resources.Admission;

/// <summary>A pod's priority is that of its class, or of the class that is everybody's (Kubernetes documentation: "Pod Priority and Preemption").</summary>
internal sealed class PriorityAdmission(ObjectCache cache, KindTable kinds) : IAdmissionPlugin
{
    private readonly Kind _classes = kinds.Find("scheduling.k8s.io", "v1", "priorityclasses")!;

    public string Name => "Priority";

    public void Admit(Kind kind, JsonObject obj)
    {
        if (kind.Name != "Pod" || kind.Group.Length > 0) return;
        var spec = obj.Child("spec");
        var found = spec.Text("priorityClassName") is { Length: > 0 } name ? OfName(obj, name) : Global();
        if (found is null) return;
        spec["priorityClassName"] = found.Text("metadata", "name");
        spec["priority"] = found.Number("value") ?? 0;
        spec["preemptionPolicy"] = found.Text("preemptionPolicy") ?? "PreemptLowerPriority";
    }

    private JsonObject OfName(JsonObject pod, string name) =>
        cache.Find(_classes, _classes.Key("", name))?.ToTree()
        ?? throw ApiError.Forbidden("pods", pod.Text("metadata", "name")!, $"no PriorityClass with name {name} was found");

    /// <summary>Of several global defaults the lowest counts.</summary>
    private JsonObject? Global() => cache[_classes].Objects.Values.Select(stored => stored.ToTree())
        .Where(one => one.Flag("globalDefault") == true).OrderBy(one => one.Number("value")).FirstOrDefault();
}
