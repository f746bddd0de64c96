using System.Text.Json.Nodes;
using CsCheck;
using Fairlead.ApiServer.Resources.Schema;

namespace Fairlead.Unit.ApiServer.Schema;

/// <summary>Random objects of any type of the schema table, as the decoder leaves them: no empty lists or maps, normal times.</summary>
internal static class SchemaGen
{
    private const int Deepest = 4;
    private static readonly SchemaType[] Types =
        [.. SchemaTable.All.Where(type => type.Layout.Slots.Count > 0).OrderBy(type => type.Name, StringComparer.Ordinal)];
    private static readonly Gen<string> Text = Gen.String[Gen.Char["abc-é€/."], 1, 6];
    private static readonly Gen<long> Seconds = Gen.Long[0, 4_000_000_000];

    /// <summary>One object: which type, and a seed for all else.</summary>
    public static readonly Gen<(SchemaType Type, JsonObject Object)> Any =
        Gen.Select(Gen.Int[0, Types.Length - 1], Gen.Int).Select((index, seed) => (Types[index], Make(Types[index], new Random(seed), 0)));

    internal static JsonObject Make(SchemaType type, int seed) => Make(type, new Random(seed), 0);

    private static JsonObject Make(SchemaType type, Random random, int depth)
    {
        var obj = new JsonObject();
        foreach (var field in type.Fields.Values.Where(field => field.Number.Length > 0).OrderBy(field => field.Name, StringComparer.Ordinal))
        {
            if (random.Next(depth + 2) != 0 || (depth >= Deepest && field.Type is not null)) continue;
            obj[field.Name] = field.Shape switch
            {
                SchemaShape.List => new JsonArray([.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => Value(field, random, depth))]),
                SchemaShape.Map => new JsonObject(Enumerable.Range(0, random.Next(1, 4)).Select(i => KeyValuePair.Create($"k{i}", (JsonNode?)Value(field, random, depth)))),
                _ => Value(field, random, depth),
            };
        }
        return obj;
    }

    private static JsonNode Value(SchemaField field, Random random, int depth) => field.Value switch
    {
        SchemaValue.Text => Sample(Text, random),
        SchemaValue.Int32 => (long)(random.Next(2) == 0 ? random.Next(1, int.MaxValue) : -random.Next(1, 100)),
        SchemaValue.Int64 => random.NextInt64(1, long.MaxValue),
        SchemaValue.Double => random.Next(1, 100) / 4.0,
        SchemaValue.Flag => true,
        SchemaValue.Bytes => Convert.ToBase64String([1, 2, (byte)random.Next(256)]),
        SchemaValue.Quantity => random.Next(2) == 0 ? "100m" : "64Mi",
        SchemaValue.IntOrString => random.Next(2) == 0 ? 8080L : "http",
        SchemaValue.Time => Timestamp.Format(DateTimeOffset.FromUnixTimeSeconds(Sample(Seconds, random))),
        SchemaValue.MicroTime => Timestamp.Format(DateTimeOffset.FromUnixTimeSeconds(Sample(Seconds, random)).AddMicroseconds(random.Next(1_000_000)), micro: true),
        SchemaValue.Texts => new JsonArray("a", "b"),
        SchemaValue.Any => new JsonObject { ["f:metadata"] = new JsonObject { ["f:name"] = random.Next(10) } },
        _ => Make(field.Type!, random, depth + 1),
    };

    private static T Sample<T>(Gen<T> gen, Random random) => gen.Generate(new PCG((uint)random.Next(), (ulong)random.NextInt64()), null, out _);
}
