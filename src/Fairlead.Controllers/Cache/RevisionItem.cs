using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.Kube;
using Fairlead.Kube.Json;
using k8s.Models;

namespace Fairlead.Controllers.Cache;

/// <summary>A ControllerRevision: a pod template that a StatefulSet or DaemonSet had, and its number.</summary>
/// <param name="Template">Null where the data is of another form than Kubernetes' controllers write.</param>
internal sealed record RevisionItem(ObjectKey Key, ObjectMeta Meta, ValueMap Labels, long Revision, PodTemplate? Template) : ILabelled
{
    public static RevisionItem From(V1ControllerRevision revision) => new(
        ObjectKey.Of(revision), ObjectMeta.From(revision.Metadata), ValueMap.From(revision.Metadata.Labels), revision.Revision ?? 0, Read(revision.Data));

    /// <summary>The template as a strategic merge patch that puts it back whole: what <c>kubectl rollout undo</c> sends.</summary>
    public static JsonElement Data(PodTemplate template)
    {
        var tree = template.ToTree();
        tree["$patch"] = "replace";
        var patch = new JsonObject { ["spec"] = new JsonObject { ["template"] = tree } };
        using var document = JsonDocument.Parse(patch.ToJsonString());
        return document.RootElement.Clone();
    }

    private static PodTemplate? Read(object? data)
    {
        if (data is not JsonElement element || JsonNode.Parse(element.GetRawText())?["spec"]?["template"] is not JsonObject tree) return null;
        tree.Remove("$patch");
        try
        {
            return new PodTemplate(KubeJson.Deserialize<V1PodTemplateSpec>(System.Text.Encoding.UTF8.GetBytes(tree.ToJsonString())));
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
