using System.Collections.Frozen;
using Fairlead.ApiServer.Resources.Schema;

namespace Fairlead.ApiServer.Protobuf;

/// <summary>What a number of a message stands for: a field, or a message whose fields JSON shows as if they were the parent's.</summary>
internal readonly record struct Slot(SchemaField? Field, MessageLayout? Inlined);

/// <summary>The fields of a type by their protobuf numbers.</summary>
internal sealed class MessageLayout(FrozenDictionary<int, Slot> slots)
{
    public FrozenDictionary<int, Slot> Slots { get; } = slots;

    /// <summary>The numbers in rising order, in which messages are written.</summary>
    public IReadOnlyList<int> Numbers { get; } = [.. slots.Keys.Order()];

    public static MessageLayout Of(IEnumerable<SchemaField> fields) =>
        Of(fields.Where(field => field.Number.Length > 0).Select(field => (Path: field.Number, Field: field)));

    private static MessageLayout Of(IEnumerable<(int[] Path, SchemaField Field)> fields) => new(fields
        .GroupBy(pair => pair.Path[0])
        .ToFrozenDictionary(group => group.Key, group => group.First().Path.Length == 1
            ? new Slot(group.Single().Field, null)
            : new Slot(null, Of(group.Select(pair => (pair.Path[1..], pair.Field))))));
}
