using System.Globalization;

namespace Fairlead.Linux.Netlink.NfTables;

/// <summary>A set or a map.</summary>
public sealed record SetDefinition
{
    public required string Name { get; init; }

    /// <summary>The key's fields; several are a concatenation.</summary>
    public required IReadOnlyList<FieldType> Key { get; init; }

    /// <summary>The fields of a map's values; empty for a set and for a verdict map.</summary>
    public IReadOnlyList<FieldType> Value { get; init; } = [];

    /// <summary>The values are verdicts.</summary>
    public bool IsVerdictMap { get; init; }

    /// <summary>Rules add elements while packets pass; such a set needs a <see cref="Size"/>.</summary>
    public bool IsDynamic { get; init; }

    /// <summary>Elements may have a time to live.</summary>
    public bool HasTimeout { get; init; }

    /// <summary>Keys are ranges.</summary>
    public bool IsInterval { get; init; }

    /// <summary>Most elements; 0: no limit.</summary>
    public uint Size { get; init; }

    internal bool IsMap => IsVerdictMap || Value.Count > 0;

    internal bool SameShape(SetDefinition other) =>
        Key.SequenceEqual(other.Key) && Value.SequenceEqual(other.Value)
        && (IsVerdictMap, IsDynamic, HasTimeout, IsInterval, Size) == (other.IsVerdictMap, other.IsDynamic, other.HasTimeout, other.IsInterval, other.Size);

    public bool Equals(SetDefinition? other) => other is not null && Name == other.Name && SameShape(other);

    public override int GetHashCode() => Name.GetHashCode(StringComparison.Ordinal);

    internal string Text
    {
        get
        {
            string type = FieldTypes.Text(Key) + (IsVerdictMap ? " : verdict" : Value.Count > 0 ? " : " + FieldTypes.Text(Value) : "");
            string[] flags = [.. IsInterval ? ["interval"] : Array.Empty<string>(), .. IsDynamic ? ["dynamic"] : Array.Empty<string>(), .. HasTimeout ? ["timeout"] : Array.Empty<string>()];
            return $"{{ type {type};"
                + (flags.Length == 0 ? "" : $" flags {string.Join(',', flags)};")
                + (Size == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $" size {Size};"))
                + " }";
        }
    }
}

/// <summary>An element of a set (key alone) or a map (key with value or verdict).</summary>
public readonly record struct SetElement(FieldBytes Key)
{
    /// <summary>A data map's value; empty otherwise.</summary>
    public FieldBytes Value { get; init; }

    /// <summary>A verdict map's value.</summary>
    public Verdict? Verdict { get; init; }

    /// <summary>Time to live in milliseconds; 0: for ever.</summary>
    public ulong TimeoutMilliseconds { get; init; }

    /// <summary>The end of a range in an interval set of concatenations; empty: the key alone.</summary>
    public FieldBytes KeyEnd { get; init; }

    public string ToText(SetDefinition set)
    {
        string key = Key.ToText(set.Key) + (KeyEnd.IsEmpty ? "" : "-" + KeyEnd.ToText(set.Key));
        string timeout = TimeoutMilliseconds == 0 ? "" : $" timeout {TimeoutMilliseconds}ms";
        return Verdict is { } verdict ? $"{key}{timeout} : {verdict}" : Value.IsEmpty ? key + timeout : $"{key}{timeout} : {Value.ToText(set.Value)}";
    }
}
