using System.Globalization;
using System.Text.Json.Nodes;
using YamlDotNet.Core;

namespace Fairlead.Kube.Json;

/// <summary>YAML, as manifests are written in, read as the JSON that it spells.</summary>
public static class YamlJson
{
    private static readonly string[] Truths = ["true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"];
    private static readonly string[] Falsehoods = ["false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"];

    /// <summary>Digits that fit into 63 bits.</summary>
    private const int LongestOctal = 20;

    /// <summary>The first document; null: there is none.</summary>
    /// <param name="deepest">How many collections may stand in each other.</param>
    /// <param name="mostOfAliases">Characters and nodes that aliases may add.</param>
    /// <exception cref="FormatException">It is no YAML, or YAML that JSON has no form for.</exception>
    public static JsonNode? Read(string text, int deepest = 100, int mostOfAliases = 3 << 20)
    {
        try
        {
            return new YamlTree(new Parser(new StringReader(text)), deepest, mostOfAliases).Read();
        }
        catch (YamlException e)
        {
            throw new FormatException($"yaml: line {e.Start.Line}: {e.Message}", e);
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            // Its parser says in these ways, too, that it is no YAML.
            throw new FormatException($"yaml: {e.Message}", e);
        }
    }

    /// <summary>What stands without quotes may be more than text (YAML 1.2, section 10.3, and the words of 1.1 that manifests use).</summary>
    public static JsonValue? Plain(string text)
    {
        if (text is "" or "~" or "null" or "Null" or "NULL") return null;
        if (Truths.Contains(text)) return JsonValue.Create(true);
        if (Falsehoods.Contains(text)) return JsonValue.Create(false);
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && !IsOctal(text)) return JsonValue.Create(number);
        if (text.StartsWith("0x", StringComparison.Ordinal) && long.TryParse(text.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var hex)) return JsonValue.Create(hex);
        if (IsOctal(text)) return text.Length > LongestOctal ? JsonValue.Create(text) : JsonValue.Create(Convert.ToInt64(text.TrimStart('0', 'o'), 8));
        var numeric = text.All(c => char.IsAsciiDigit(c) || c is '.' or '-' or '+' or 'e' or 'E') && text.Any(char.IsAsciiDigit);
        return numeric && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) && double.IsFinite(real) ? JsonValue.Create(real) : JsonValue.Create(text);
    }

    // defaultMode: 0644 is what people write.
    private static bool IsOctal(string text) => text.Length > 1 && text[0] == '0' && text.TrimStart('0') is { Length: > 0 } rest && rest.TrimStart('o').All(c => c is >= '0' and <= '7') && rest != "o";
}
