namespace Fairlead.ApiServer.Resources.Schema;

/// <summary>
/// What the API says of its types and fields, for <c>kubectl explain</c>; made by eng/SchemaTable from the models' documentation. It is
/// read anew for each document that needs it, since that is seldom, and the texts are many.
/// </summary>
internal sealed class Descriptions
{
    private readonly Dictionary<string, string> _texts;

    private Descriptions(Dictionary<string, string> texts) => _texts = texts;

    /// <summary>Empty where nothing is said.</summary>
    public string Of(SchemaType type) => _texts.GetValueOrDefault(type.Name, "");

    public string Of(SchemaType type, SchemaField field) => _texts.GetValueOrDefault($"{type.Name}.{field.Name}", "");

    public static Descriptions Read()
    {
        using var stream = typeof(Descriptions).Assembly.GetManifestResourceStream("kubernetes.descriptions")
            ?? throw new InvalidOperationException("The descriptions are not embedded in this build.");
        using var reader = new StreamReader(stream);
        var texts = new Dictionary<string, string>();
        while (reader.ReadLine() is { } line)
        {
            var tab = line.IndexOf('\t', StringComparison.Ordinal);
            texts[line[..tab]] = line[(tab + 1)..];
        }
        return new Descriptions(texts);
    }
}
