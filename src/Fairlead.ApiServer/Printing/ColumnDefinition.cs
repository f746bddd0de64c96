using System.Text.Json;

namespace Fairlead.ApiServer.Printing;

/// <summary>A column of a printed table (Kubernetes API concepts: "Receiving resources as Tables").</summary>
/// <param name="Type">An OpenAPI type: <c>string</c>, <c>integer</c> or <c>boolean</c>.</param>
/// <param name="Format">An OpenAPI format; <c>name</c> marks the column that names the object.</param>
/// <param name="Priority">0 is always shown, 1 by <c>kubectl get -o wide</c> only.</param>
internal sealed record ColumnDefinition(string Name, string Type, string Format, string Description, int Priority)
{
    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("name"u8, Name);
        json.WriteString("type"u8, Type);
        json.WriteString("format"u8, Format);
        json.WriteString("description"u8, Description);
        json.WriteNumber("priority"u8, Priority);
        json.WriteEndObject();
    }
}

/// <summary>One value of a row: text, a whole number or a truth.</summary>
internal readonly record struct Cell(string? Text, long Number, bool? Flag = null)
{
    public static implicit operator Cell(bool flag) => new(null, 0, flag);

    public static implicit operator Cell(string text) => new(text, 0);

    public static implicit operator Cell(long number) => new(null, number);

    public void Write(Utf8JsonWriter json)
    {
        if (Flag is { } flag) json.WriteBooleanValue(flag);
        else if (Text is null) json.WriteNumberValue(Number);
        else json.WriteStringValue(Text);
    }

    public override string ToString() => Text ?? Flag?.ToString().ToLowerInvariant() ?? Number.ToString(System.Globalization.CultureInfo.InvariantCulture);
}

/// <summary>How objects of one kind are printed.</summary>
/// <param name="Cells">A row's values in the order of the columns, from an object and the present time.</param>
internal sealed record TableLayout(IReadOnlyList<ColumnDefinition> Columns, Func<JsonElement, DateTimeOffset, Cell[]> Cells);
