using Fairlead.ApiServer.Resources.Schema;
using Fairlead.ApiServer.Resources.Strategies;

namespace Fairlead.ApiServer.Resources;

/// <summary>One row of the table of kinds: what the generic handlers need to serve it.</summary>
/// <param name="Group">API group; empty for the core group.</param>
/// <param name="Name">As in <c>kind:</c> of a manifest.</param>
/// <param name="Plural">As in the path.</param>
internal sealed record Kind(string Group, string Version, string Name, string Plural, bool Namespaced, string SchemaName)
{
    public string Singular { get; init; } = Name.ToLowerInvariant();
    public IReadOnlyList<string> ShortNames { get; init; } = [];
    public IReadOnlyList<string> Categories { get; init; } = [];

    /// <summary>Subresources that are the object itself, seen through a part: <c>status</c>.</summary>
    public bool HasStatus { get; init; }

    /// <summary><c>scale</c> on spec.replicas.</summary>
    public bool HasScale { get; init; }

    /// <summary>Whether metadata.generation counts changes of spec.</summary>
    public bool HasGeneration { get; init; }

    /// <summary>Other subresources, for discovery: name and the kind that they take.</summary>
    public IReadOnlyList<Subresource> Subresources { get; init; } = [];

    /// <summary>What field selectors may name besides metadata.name and metadata.namespace.</summary>
    public IReadOnlyDictionary<string, string[]> SelectableFields { get; init; } = new Dictionary<string, string[]>();

    public KindStrategy Strategy { get; init; } = KindStrategy.Plain;

    /// <summary>Where its objects lie in the store, as Kubernetes lays them out in etcd; it ends with a slash.</summary>
    public string StoragePrefix { get; init; } = $"/registry/{Plural}/";

    /// <summary>False for kinds that only pass through, or that show another kind's objects.</summary>
    public bool IsStored { get; init; } = true;

    public SchemaType Schema { get; } = SchemaTable.Get(SchemaName);

    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary><c>services</c>, or <c>endpointslices.discovery.k8s.io</c>, as messages name it.</summary>
    public string QualifiedPlural => Group.Length == 0 ? Plural : $"{Plural}.{Group}";

    public string Key(string ns, string name) => Namespaced ? $"{StoragePrefix}{ns}/{name}" : StoragePrefix + name;

    public static IReadOnlyDictionary<string, string[]> Fields(params ReadOnlySpan<string> paths) =>
        paths.ToArray().ToDictionary(path => path, path => path.Split('.'));
}

/// <param name="Name">After the object's name in the path.</param>
/// <param name="Kind">Of the object that it takes and answers.</param>
internal sealed record Subresource(string Name, string Group, string Version, string Kind, params string[] Verbs);
