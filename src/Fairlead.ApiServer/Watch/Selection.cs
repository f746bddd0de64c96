using Fairlead.Kube.Selectors;

namespace Fairlead.ApiServer.Watch;

/// <summary>Which objects of a kind a list or watch asks for. An empty namespace means all.</summary>
internal sealed record Selection(string Namespace, LabelSelector Labels, IReadOnlyList<FieldRequirement> Fields)
{
    public bool Matches(StoredObject obj)
    {
        if (Namespace.Length > 0 && obj.Namespace != Namespace) return false;
        if (!Labels.IsEmpty && !Labels.Matches(obj.Labels)) return false;
        foreach (var field in Fields)
        {
            if (!field.Matches(obj)) return false;
        }
        return true;
    }
}

/// <summary>One term of a field selector, for example <c>spec.nodeName=node1</c>.</summary>
internal sealed record FieldRequirement(string Field, string Value, bool Negated)
{
    public bool Matches(StoredObject obj)
    {
        var value = Field switch
        {
            "metadata.name" => obj.Name,
            "metadata.namespace" => obj.Namespace,
            _ => obj.Fields.GetValueOrDefault(Field, ""),
        };
        return value == Value != Negated;
    }
}
