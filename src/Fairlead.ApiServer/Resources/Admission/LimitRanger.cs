using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources.Schema;
using Fairlead.ApiServer.Watch;

namespace Fairlead.ApiServer.Resources.Admission;

/// <summary>Gives containers the requests and limits that their namespace has for those without, and refuses what is out of bounds (Kubernetes documentation: "Limit Ranges").</summary>
internal sealed class LimitRanger(ObjectCache cache, KindTable kinds) : IAdmissionPlugin
{
    private readonly Kind _ranges = kinds.Find("", "v1", "limitranges")!;

    public string Name => "LimitRanger";

    public void Admit(Kind kind, JsonObject obj)
    {
        if (kind.Name != "Pod" || kind.Group.Length > 0) return;
        var ns = obj.Text("metadata", "namespace")!;
        var items = cache[_ranges].Objects.Values.Where(range => range.Namespace == ns).SelectMany(range => range.ToTree().Items("spec", "limits")).Select(pair => pair.Item).ToList();
        if (items.Count == 0) return;
        var containers = new[] { "initContainers", "containers" }.SelectMany(list => obj.Items("spec", list)).Select(pair => pair.Item).ToList();
        foreach (var item in items.Where(item => item.Text("type") == "Container"))
        {
            foreach (var container in containers) Complete(container, item);
        }
        var wrong = items.SelectMany(item => item.Text("type") switch
        {
            "Container" => containers.SelectMany(container => Check("Container", item, name => Amount(container, "requests", name), name => Amount(container, "limits", name))),
            "Pod" => Check("Pod", item, name => Sum(obj, "requests", name), name => Sum(obj, "limits", name)),
            _ => [],
        }).ToList();
        if (wrong.Count > 0) throw ApiError.Forbidden("pods", obj.Text("metadata", "name")!, wrong.Count == 1 ? wrong[0] : $"[{string.Join(", ", wrong)}]");
    }

    private static void Complete(JsonObject container, JsonObject item)
    {
        var resources = container.Child("resources");
        foreach (var (field, from) in (ReadOnlySpan<(string, string)>)[("limits", "default"), ("requests", "defaultRequest")])
        {
            foreach (var (name, amount) in item.Object(from) ?? []) resources.Child(field).SetDefault(name, amount!.DeepClone());
        }
    }

    private static IEnumerable<string> Check(string type, JsonObject item, Func<string, string?> request, Func<string, string?> limit)
    {
        foreach (var (name, bound) in item.Object("min") ?? [])
        {
            if (request(name) is not { } asked) yield return $"minimum {name} usage per {type} is {bound.Text()}.  No request is specified";
            else if (Quantity.Compare(asked, bound.Text()!) < 0) yield return $"minimum {name} usage per {type} is {bound.Text()}, but request is {asked}";
        }
        foreach (var (name, bound) in item.Object("max") ?? [])
        {
            if (limit(name) is not { } most) yield return $"maximum {name} usage per {type} is {bound.Text()}.  No limit is specified";
            else if (Quantity.Compare(most, bound.Text()!) > 0) yield return $"maximum {name} usage per {type} is {bound.Text()}, but limit is {most}";
            else if (request(name) is { } asked && Quantity.Compare(asked, bound.Text()!) > 0) yield return $"maximum {name} usage per {type} is {bound.Text()}, but request is {asked}";
        }
        foreach (var (name, bound) in item.Object("maxLimitRequestRatio") ?? [])
        {
            if (request(name) is not { } asked || limit(name) is not { } most || Quantity.Value(asked) == 0) continue;
            var ratio = Quantity.Value(most) / Quantity.Value(asked);
            if (ratio > Quantity.Value(bound.Text()!)) yield return $"{name} max limit to request ratio per {type} is {bound.Text()}, but provided ratio is {ratio:F6}";
        }
    }

    private static string? Amount(JsonObject container, string field, string name) => container.Text("resources", field, name);

    /// <summary>Of all containers of a pod together; null where none says.</summary>
    private static string? Sum(JsonObject pod, string field, string name)
    {
        var amounts = pod.Items("spec", "containers").Select(pair => Amount(pair.Item, field, name)).OfType<string>().ToList();
        return amounts.Count == 0 ? null : amounts.Sum(Quantity.Value).ToString(System.Globalization.CultureInfo.InvariantCulture);
    }
}
