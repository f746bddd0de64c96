using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Resources.Strategies;

/// <summary>What may be written to a pod's ephemeralcontainers (Kubernetes documentation: "Ephemeral Containers").</summary>
internal static class EphemeralContainerRules
{
    private static readonly string[] NotAllowed = ["ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle"];

    /// <summary>All but the ephemeral containers stays as it was.</summary>
    public static void Prepare(JsonObject obj, JsonObject old)
    {
        var wanted = obj.Array("spec", "ephemeralContainers")?.DeepClone();
        foreach (var name in obj.Select(pair => pair.Key).Where(name => name != "metadata").ToList()) obj.Remove(name);
        foreach (var (name, value) in old)
        {
            if (name == "metadata") continue;
            obj[name] = value?.DeepClone();
        }
        if (wanted is not null) obj.Child("spec")["ephemeralContainers"] = wanted;
    }

    /// <summary>They may be added; those that are there can neither change nor go.</summary>
    public static void ValidateUpdate(JsonObject obj, JsonObject old, FieldErrors errors)
    {
        const string Field = "spec.ephemeralContainers";
        var now = obj.Items("spec", "ephemeralContainers").Select(pair => pair.Item).ToList();
        var taken = obj.Items("spec", "containers").Concat(obj.Items("spec", "initContainers")).Select(pair => pair.Item.Text("name")).ToHashSet();
        for (var i = 0; i < now.Count; i++)
        {
            var name = now[i].Text("name") ?? "";
            if (name.Length == 0) errors.Required($"{Field}[{i}].name");
            else if (NameRules.Label(name) is { } wrong) errors.Invalid($"{Field}[{i}].name", name, wrong);
            if (now[i].Text("image") is not { Length: > 0 }) errors.Required($"{Field}[{i}].image");
            if (now[i].Text("targetContainerName") is { Length: > 0 } target && !taken.Contains(target)) errors.NotFound($"{Field}[{i}].targetContainerName", target);
            foreach (var field in NotAllowed.Where(field => !now[i].IsMissing(field))) errors.Forbidden($"{Field}[{i}].{field}", "cannot be set for an Ephemeral Container");
            if (now[i].Object("resources") is { Count: > 0 }) errors.Forbidden($"{Field}[{i}].resources", "cannot be set for an Ephemeral Container");
        }
        var names = new HashSet<string?>(taken);
        for (var i = 0; i < now.Count; i++)
        {
            if (!names.Add(now[i].Text("name"))) errors.Duplicate($"{Field}[{i}].name", now[i].Text("name"));
        }
        foreach (var (i, before) in old.Items("spec", "ephemeralContainers"))
        {
            var same = now.FirstOrDefault(container => container.Text("name") == before.Text("name"));
            if (same is null) errors.Forbidden(Field, $"existing ephemeral containers \"{before.Text("name")}\" may not be removed");
            else if (!JsonNode.DeepEquals(same, before)) errors.Forbidden(Field, $"existing ephemeral containers \"{before.Text("name")}\" may not be changed");
        }
    }
}
