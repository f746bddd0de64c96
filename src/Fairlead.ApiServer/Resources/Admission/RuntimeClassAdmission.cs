using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources.Schema;
using Fairlead.ApiServer.Watch;

namespace Fairlead.ApiServer.Resources.Admission;

/// <summary>A pod of a runtime class has its overhead, and runs where the class does (Kubernetes documentation: "Runtime Class", "Pod Overhead").</summary>
internal sealed class RuntimeClassAdmission(ObjectCache cache, KindTable kinds) : IAdmissionPlugin
{
    private readonly Kind _classes = kinds.Find("node.k8s.io", "v1", "runtimeclasses")!;

    public string Name => "RuntimeClass";

    public void Admit(Kind kind, JsonObject obj)
    {
        if (kind.Name != "Pod" || kind.Group.Length > 0) return;
        var spec = obj.Child("spec");
        var name = spec.Text("runtimeClassName") ?? "";
        var found = name.Length == 0 ? null : cache.Find(_classes, _classes.Key("", name))?.ToTree();
        if (name.Length > 0 && found is null) throw Refuse(obj, $"pod rejected: RuntimeClass \"{name}\" not found");
        SetOverhead(obj, spec, found);
        if (found is null) return;
        foreach (var (label, value) in found.Object("scheduling", "nodeSelector") ?? [])
        {
            var selector = spec.Child("nodeSelector");
            if (selector.Text(label) is { } own && own != value.Text())
                throw Refuse(obj, $"conflict: runtimeClass.scheduling.nodeSelector[{label}] = {value.Text()}; pod.spec.nodeSelector[{label}] = {own}");
            selector[label] = value.Text();
        }
        AddTolerations(spec, found);
    }

    private static void SetOverhead(JsonObject pod, JsonObject spec, JsonObject? found)
    {
        var overhead = found?.Object("overhead", "podFixed");
        if (spec.Object("overhead") is { Count: > 0 } own)
        {
            if (overhead is null) throw Refuse(pod, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead");
            if (!AreEqual(own, overhead)) throw Refuse(pod, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
        }
        else if (overhead is not null) spec["overhead"] = overhead.DeepClone();
    }

    private static bool AreEqual(JsonObject one, JsonObject other) =>
        one.Count == other.Count && one.All(entry => other.Text(entry.Key) is { } amount && Quantity.Value(amount) == Quantity.Value(entry.Value.Text() ?? ""));

    private static void AddTolerations(JsonObject spec, JsonObject found)
    {
        var own = spec.Items("tolerations").Select(pair => pair.Item.ToJsonString()).ToHashSet();
        foreach (var (_, toleration) in found.Items("scheduling", "tolerations"))
        {
            if (own.Contains(toleration.ToJsonString())) continue;
            if (spec.Array("tolerations") is not { } list) spec["tolerations"] = list = [];
            list.Add(toleration.DeepClone());
        }
    }

    private static ApiError Refuse(JsonObject pod, string why) => ApiError.Forbidden("pods", pod.Text("metadata", "name")!, why);
}
