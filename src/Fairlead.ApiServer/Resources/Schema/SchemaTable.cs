using System.Collections.Frozen;
using System.Globalization;
using Fairlead.ApiServer.Protobuf;

namespace Fairlead.ApiServer.Resources.Schema;

/// <summary>What stands in a field, without its list or map around it.</summary>
internal enum SchemaValue
{
    Text,
    Int32,
    Int64,
    Double,
    Flag,
    /// <summary>RFC 3339, kept to whole seconds.</summary>
    Time,
    /// <summary>RFC 3339 with microseconds.</summary>
    MicroTime,
    Bytes,
    Quantity,
    IntOrString,
    /// <summary>A list of strings within a list or map: <c>extra</c> of the reviews.</summary>
    Texts,
    /// <summary>Any JSON, kept as it is.</summary>
    Any,
    /// <summary>An object of the field's <see cref="SchemaField.Type"/>.</summary>
    Struct,
}

internal enum SchemaShape
{
    Single,
    List,
    Map,
}

/// <param name="MergeKey">The field by which a strategic merge patch matches the items of this list; null: it is replaced whole.</param>
/// <param name="MergesAsSet">A list of plain values to which a strategic merge patch adds.</param>
/// <param name="RetainKeys">Kubernetes' retainKeys: an object, or the items of a list, keep only the fields that the patch names.</param>
/// <param name="Number">In protobuf; two numbers where protobuf has a message of its own that JSON does not show; empty where none is known.</param>
/// <param name="KeptWhenZero">False: zero, empty and missing are the same to Kubernetes, which shows none of them (Go's <c>omitempty</c>).</param>
internal sealed record SchemaField(
    string Name, SchemaShape Shape, SchemaValue Value, SchemaType? Type, string? MergeKey, bool MergesAsSet, bool RetainKeys, int[] Number, bool KeptWhenZero);

/// <summary>One object type of the API: its name as in the models, for example <c>V1ServiceSpec</c>, and its fields.</summary>
internal sealed class SchemaType(string name)
{
    public string Name { get; } = name;

    /// <summary>The name that Kubernetes' messages use, for example <c>ServiceSpec</c>.</summary>
    public string GoName { get; } = name[(name.IndexOf("V1", StringComparison.OrdinalIgnoreCase) + 2)..].Replace("beta1", "", StringComparison.Ordinal);

    public FrozenDictionary<string, SchemaField> Fields { get; private set; } = FrozenDictionary<string, SchemaField>.Empty;

    /// <summary>The same fields as protobuf numbers them.</summary>
    public MessageLayout Layout => field ??= MessageLayout.Of(Fields.Values);

    internal void SetFields(IEnumerable<SchemaField> fields) => Fields = fields.ToFrozenDictionary(field => field.Name);
}

/// <summary>
/// The one table of field names and types behind decoding, unknown-field validation, strategic merge and OpenAPI.
/// It is generated from KubernetesClient's models (eng/SchemaTable) and embedded as text: a line a type, <c>name:type#number</c> a field.
/// </summary>
internal static class SchemaTable
{
    private static readonly Lazy<Dictionary<string, SchemaType>> Types = new(Read);

    public static SchemaType Get(string name) => Types.Value[name];

    public static SchemaType? Find(string name) => Types.Value.GetValueOrDefault(name);

    public static IReadOnlyCollection<SchemaType> All => Types.Value.Values;

    private static Dictionary<string, SchemaType> Read()
    {
        using var stream = typeof(SchemaTable).Assembly.GetManifestResourceStream("kubernetes.schema")
            ?? throw new InvalidOperationException("The schema table is not embedded in this build.");
        using var reader = new StreamReader(stream);
        var types = new Dictionary<string, SchemaType>();
        var lines = new List<(SchemaType Type, string[] Fields)>();
        while (reader.ReadLine() is { } line)
        {
            var words = line.Split(' ');
            var type = new SchemaType(words[0]);
            types.Add(type.Name, type);
            lines.Add((type, words[1..]));
        }
        foreach (var (type, fields) in lines) type.SetFields(fields.Where(field => field.Length > 0).Select(field => ParseField(field, types)));
        return types;
    }

    private static SchemaField ParseField(string text, Dictionary<string, SchemaType> types)
    {
        var colon = text.IndexOf(':');
        var name = text[..colon];
        var kind = text[(colon + 1)..];
        string? merge = null;
        if (kind.IndexOf('@') is var at and >= 0) (kind, merge) = (kind[..at], kind[(at + 1)..]);
        var number = "";
        if (kind.IndexOf('#') is var mark and >= 0) (kind, number) = (kind[..mark], kind[(mark + 1)..]);
        var shape = kind[0] switch { '[' => SchemaShape.List, '{' => SchemaShape.Map, _ => SchemaShape.Single };
        if (shape != SchemaShape.Single) kind = kind[1..];
        var value = kind switch
        {
            "s" => SchemaValue.Text,
            "i" => SchemaValue.Int32,
            "l" => SchemaValue.Int64,
            "d" => SchemaValue.Double,
            "b" => SchemaValue.Flag,
            "t" => SchemaValue.Time,
            "u" => SchemaValue.MicroTime,
            "y" => SchemaValue.Bytes,
            "q" => SchemaValue.Quantity,
            "x" => SchemaValue.IntOrString,
            "[s" => SchemaValue.Texts,
            _ when kind[0] is 'o' or '[' or '{' => SchemaValue.Any,
            _ => SchemaValue.Struct,
        };
        var retain = merge is ['~', ..];
        if (retain) merge = merge![1..];
        return new SchemaField(
            name, shape, value, value == SchemaValue.Struct ? types[kind] : null,
            merge is null or "=" or "" ? null : merge, merge == "=", retain,
            number.Length == 0 ? [] : [.. number.TrimEnd('*').Split('.').Select(step => int.Parse(step, CultureInfo.InvariantCulture))],
            KeptWhenZero: number.Length == 0 || number.EndsWith('*'));
    }
}
