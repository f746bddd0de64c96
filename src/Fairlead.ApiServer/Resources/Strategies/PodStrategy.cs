using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources.Schema;

namespace Fairlead.ApiServer.Resources.Strategies;

internal sealed class PodStrategy : KindStrategy
{
    public override void Default(JsonObject obj)
    {
        var spec = obj.Child("spec");
        PodSpecDefaults.Apply(spec);
        spec.SetDefault("enableServiceLinks", true);
        spec.SetDefault("serviceAccountName", "default");
        spec["serviceAccount"] = spec.Text("serviceAccountName");
        spec.SetDefault("preemptionPolicy", "PreemptLowerPriority");
        spec.SetDefault("priority", 0);
        AddToleration(spec, "node.kubernetes.io/not-ready");
        AddToleration(spec, "node.kubernetes.io/unreachable");
    }

    public override void PrepareForCreate(JsonObject obj) => obj["status"] = new JsonObject { ["phase"] = "Pending" };

    public override void Complete(JsonObject obj) => obj.Child("status")["qosClass"] = PodQos.ClassOf(obj);

    // Ephemeral containers have a door of their own.
    public override void PrepareForUpdate(JsonObject obj, JsonObject old)
    {
        base.PrepareForUpdate(obj, old);
        Keep(obj.Child("spec"), old.Child("spec"), "ephemeralContainers");
    }

    public override void Validate(JsonObject obj, FieldErrors errors) => PodSpecRules.Validate(obj.Child("spec"), "spec", errors);

    /// <summary>Kubernetes lets change images, activeDeadlineSeconds, added tolerations, and (by binding) the node.</summary>
    public override void ValidateUpdate(JsonObject obj, JsonObject old, FieldErrors errors)
    {
        var now = Changeable((JsonObject)obj.Child("spec").DeepClone(), old.Child("spec"));
        if (JsonNode.DeepEquals(now, old["spec"])) return;
        errors.Forbidden("spec", "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)");
    }

    public override void PrepareForStatusUpdate(JsonObject obj, JsonObject old)
    {
        base.PrepareForStatusUpdate(obj, old);
        KeepMetadata(obj, old);
        Keep(obj.Child("metadata"), old.Child("metadata"), "deletionTimestamp");
        if (obj.Object("status") is { } status && status.IsMissing("qosClass")) Keep(status, old.Child("status"), "qosClass");
    }

    public override long GracePeriod(JsonObject obj, long? requested)
    {
        // Nothing runs for a pod that no node has taken, or that has ended.
        if (obj.Text("spec", "nodeName") is not { Length: > 0 } || obj.Text("status", "phase") is "Succeeded" or "Failed") return 0;
        return requested ?? obj.Number("spec", "terminationGracePeriodSeconds") ?? 30;
    }

    private static JsonObject Changeable(JsonObject spec, JsonObject old)
    {
        foreach (var list in (ReadOnlySpan<string>)["initContainers", "containers"])
        {
            if (spec.Array(list)?.Count != old.Array(list)?.Count) continue;
            foreach (var (i, container) in spec.Items(list)) Keep(container, (JsonObject)old.Array(list)![i]!, "image");
        }
        Keep(spec, old, "activeDeadlineSeconds");
        var kept = old.Array("tolerations")?.Select(item => item!.ToJsonString()) ?? [];
        if (!kept.Except(spec.Array("tolerations")?.Select(item => item!.ToJsonString()) ?? []).Any()) Keep(spec, old, "tolerations");
        return spec;
    }

    // Admission plugin DefaultTolerationSeconds.
    private static void AddToleration(JsonObject spec, string key)
    {
        foreach (var (_, toleration) in spec.Items("tolerations"))
        {
            var tolerated = toleration.Text("key");
            if ((tolerated == key || tolerated is null or "") && toleration.Text("effect") is null or "" or "NoExecute") return;
        }
        if (spec.Array("tolerations") is null) spec["tolerations"] = new JsonArray();
        spec.Array("tolerations")!.Add((JsonNode)new JsonObject
        {
            ["key"] = key,
            ["operator"] = "Exists",
            ["effect"] = "NoExecute",
            ["tolerationSeconds"] = 300,
        });
    }
}

/// <summary>Kubernetes documentation: "Pod Quality of Service Classes".</summary>
internal static class PodQos
{
    public static string ClassOf(JsonObject pod)
    {
        var any = false;
        var guaranteed = true;
        foreach (var list in (ReadOnlySpan<string>)["initContainers", "containers"])
        {
            foreach (var (_, container) in pod.Items("spec", list))
            {
                foreach (var name in (ReadOnlySpan<string>)["cpu", "memory"])
                {
                    var request = container.At("resources", "requests", name);
                    var limit = container.At("resources", "limits", name);
                    any |= request is not null || limit is not null;
                    guaranteed &= limit is not null && (request is null || Quantity.Compare(request.ToString(), limit.ToString()) == 0);
                }
            }
        }
        if (!any) return "BestEffort";
        return guaranteed ? "Guaranteed" : "Burstable";
    }
}
