using Fairlead.ApiServer.Resources.Conversion;
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

    /// <summary>What becomes of an object's dependents when a deletion says nothing: null, Background.</summary>
    public string? DefaultPropagation { get; init; }

    /// <summary>A PUT where there is no such object makes it (AllowCreateOnUpdate of its strategy in Kubernetes).</summary>
    public bool IsMadeByUpdate { get; init; }

    /// <summary>A PUT must name the resource version that it replaces (AllowUnconditionalUpdate).</summary>
    public bool UpdatesNeedVersion { get; init; }

    /// <summary>A deletion that is done answers with what was deleted, and not with a Status.</summary>
    public bool ShowsDeleted { get; init; }

    /// <summary>What can be done with it; null: everything.</summary>
    public IReadOnlyList<string>? Verbs { get; init; }

    /// <summary>Other subresources, for discovery: name and the kind that they take.</summary>
    public IReadOnlyList<Subresource> Subresources { get; init; } = [];

    /// <summary>What field selectors may name besides metadata.name and metadata.namespace: for each the places where its value may be, of which the first that has one counts.</summary>
    public IReadOnlyDictionary<string, string[][]> SelectableFields { get; init; } = new Dictionary<string, string[][]>();

    public KindStrategy Strategy { get; init; } = KindStrategy.Plain;

    /// <summary>Where its objects lie in the store, as Kubernetes lays them out in etcd; it ends with a slash.</summary>
    public string StoragePrefix { get; init; } = $"/registry/{Plural}/";

    /// <summary>The kind whose objects this one shows in another group or version; null: its own.</summary>
    public Kind? StoredAs { get; init; }

    /// <summary>How; set with <see cref="StoredAs"/>.</summary>
    public KindConversion? Conversion { get; init; }

    /// <summary>The kind that the store and the cache know.</summary>
    public Kind Stored => StoredAs ?? this;

    /// <summary>False for kinds that only show another kind's objects, or that are answers without being kept.</summary>
    public bool IsStored { get; init; } = true;

    public SchemaType Schema { get; } = SchemaTable.Get(SchemaName);

    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary><c>services</c>, or <c>endpointslices.discovery.k8s.io</c>, as messages name it.</summary>
    public string QualifiedPlural => Group.Length == 0 ? Plural : $"{Plural}.{Group}";

    public string Key(string ns, string name) => Namespaced ? $"{StoragePrefix}{ns}/{name}" : StoragePrefix + name;

    /// <summary>The same objects in another group or version.</summary>
    public Kind ShownAs(string group, string version, KindConversion conversion, string? schema = null) =>
        new(group, version, Name, Plural, Namespaced, schema ?? SchemaName)
        {
            // A short name in two groups makes kubectl warn of both.
            Singular = Singular, ShortNames = group is "extensions" ? [] : ShortNames, Categories = Categories, HasStatus = HasStatus, HasScale = HasScale, HasGeneration = HasGeneration,
            IsMadeByUpdate = IsMadeByUpdate, Strategy = Strategy, SelectableFields = SelectableFields, StoragePrefix = StoragePrefix, IsStored = false, StoredAs = this, Conversion = conversion,
        };

    public static Dictionary<string, string[][]> Fields(params ReadOnlySpan<string> paths) =>
        paths.ToArray().ToDictionary(path => path, path => new[] { path.Split('.') });
}

/// <param name="Name">After the object's name in the path.</param>
/// <param name="Kind">Of the object that it takes and answers.</param>
internal sealed record Subresource(string Name, string Group, string Version, string Kind, params string[] Verbs);
