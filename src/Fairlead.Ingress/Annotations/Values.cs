using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using Fairlead.Kube;

namespace Fairlead.Ingress.Annotations;

/// <summary>A kind of value: reads text, and says what it expects where it cannot.</summary>
internal sealed record ValueKind<T>(string Expected, TryRead<T> TryRead);

internal delegate bool TryRead<T>(string text, out T value);

/// <summary>The kinds of values that annotations have.</summary>
internal static partial class Values
{
    internal static readonly TimeSpan RegexPatience = TimeSpan.FromMilliseconds(100);

    internal static readonly ValueKind<bool> Boolean = new("true or false", bool.TryParse);

    internal static readonly ValueKind<string> Text = new("text without line breaks", static (string text, out string value) =>
    {
        value = text.Trim();
        return !value.AsSpan().ContainsAnyInRange('\0', '\x1f');
    });

    internal static readonly ValueKind<string> Token = new("a name", static (string text, out string value) =>
    {
        value = text.Trim();
        return TokenPattern().IsMatch(value);
    });

    internal static readonly ValueKind<string> Url = new("a path or an http(s) URL", static (string text, out string value) =>
    {
        value = text.Trim();
        return value.Length > 0 && !value.AsSpan().ContainsAnyInRange('\0', ' ')
            && (value[0] is '/' or '$' || value.StartsWith("http://", StringComparison.OrdinalIgnoreCase) || value.StartsWith("https://", StringComparison.OrdinalIgnoreCase));
    });

    internal static readonly ValueKind<string> HttpUrl = new("an http(s) URL", static (string text, out string value) => Url!.TryRead(text, out value) && value[0] is 'h' or 'H');

    internal static readonly ValueKind<int> Count = new("a number, not negative", static (string text, out int value) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value));

    internal static readonly ValueKind<int> SignedCount = new("a number", static (string text, out int value) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value));

    /// <summary>nginx: seconds without a unit; or with ms, s, m, h.</summary>
    internal static readonly ValueKind<TimeSpan> Duration = new("seconds, for example 60", static (string text, out TimeSpan value) =>
    {
        value = default;
        var match = DurationPattern().Match(text.Trim());
        if (!match.Success || !int.TryParse(match.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number == 0) return false;
        value = match.Groups[2].Value switch
        {
            "ms" => TimeSpan.FromMilliseconds(number),
            "m" => TimeSpan.FromMinutes(number),
            "h" => TimeSpan.FromHours(number),
            _ => TimeSpan.FromSeconds(number),
        };
        return true;
    });

    /// <summary>nginx' sizes: bytes, or with k, m, g.</summary>
    internal static readonly ValueKind<long> Size = new("a size, for example 8m", static (string text, out long value) =>
    {
        value = 0;
        var match = SizePattern().Match(text.Trim());
        if (!match.Success || !long.TryParse(match.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number > long.MaxValue >> 31) return false;
        value = number << (match.Groups[2].Value.ToUpperInvariant() switch { "K" => 10, "M" => 20, "G" => 30, _ => 0 });
        return true;
    });

    internal static readonly ValueKind<EquatableArray<IPNetwork>> Networks = new("addresses or ranges such as 10.0.0.0/8,192.0.2.7", static (string text, out EquatableArray<IPNetwork> value) =>
    {
        value = default;
        var networks = new List<IPNetwork>();
        foreach (var part in List(text))
        {
            if (IPNetwork.TryParse(part, out var network)) networks.Add(network);
            else if (IPAddress.TryParse(part, out var address)) networks.Add(new IPNetwork(address, address.GetAddressBytes().Length * 8));
            else if (Masked(part) is { } masked) networks.Add(masked);
            else return false;
        }
        value = new(networks);
        return networks.Count > 0;
    });

    internal static readonly ValueKind<EquatableArray<string>> Names = new("names separated by commas", static (string text, out EquatableArray<string> value) =>
    {
        value = new(List(text));
        return value.Count > 0 && value.All(name => TokenPattern().IsMatch(name));
    });

    internal static readonly ValueKind<EquatableArray<string>> Hosts = new("host names separated by commas", static (string text, out EquatableArray<string> value) =>
    {
        value = new(List(text).Select(host => host.ToLowerInvariant()));
        return value.Count > 0 && value.All(host => HostPattern().IsMatch(host));
    });

    internal static readonly ValueKind<EquatableArray<string>> Origins = new("origins such as https://app.example.com, or *", static (string text, out EquatableArray<string> value) =>
    {
        value = new(List(text));
        return value.Count > 0 && value.All(origin => OriginPattern().IsMatch(origin));
    });

    internal static readonly ValueKind<EquatableArray<int>> Statuses = new("status codes from 400 to 599, separated by commas", static (string text, out EquatableArray<int> value) =>
    {
        value = new(List(text).Select(part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var code) ? code : 0));
        return value.Count > 0 && value.All(code => code is >= 400 and <= 599);
    });

    internal static readonly ValueKind<Regex> Pattern = new("a regular expression", static (string text, out Regex value) =>
    {
        try
        {
            value = new Regex(text, RegexOptions.CultureInvariant, RegexPatience);
            return true;
        }
        catch (ArgumentException)
        {
            value = null!;
            return false;
        }
    });

    internal static ValueKind<T> OneOf<T>(params (string Word, T Value)[] words) => new(
        "one of " + string.Join(", ", words.Select(word => word.Word)),
        (string text, out T value) =>
        {
            var found = Array.FindIndex(words, word => word.Word.Equals(text.Trim(), StringComparison.OrdinalIgnoreCase));
            value = found < 0 ? default! : words[found].Value;
            return found >= 0;
        });

    internal static string[] List(string text) => text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    /// <summary>A range written with bits beyond its length, which IPNetwork refuses and nginx takes.</summary>
    private static IPNetwork? Masked(string text)
    {
        var parts = text.Split('/');
        if (parts.Length != 2 || !IPAddress.TryParse(parts[0], out var address) || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var length)) return null;
        return length > address.GetAddressBytes().Length * 8 ? null : Subnet.Around(address, length);
    }

    [GeneratedRegex("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]
    private static partial Regex TokenPattern();

    [GeneratedRegex("^([0-9]+)(ms|s|m|h)?$")]
    private static partial Regex DurationPattern();

    [GeneratedRegex("^([0-9]+)([kKmMgG])?$")]
    private static partial Regex SizePattern();

    [GeneratedRegex(@"^(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?$")]
    private static partial Regex HostPattern();

    [GeneratedRegex(@"^(\*|[a-z][a-z0-9+.-]*://(\*\.)?[A-Za-z0-9.-]+(:\d+)?)$")]
    private static partial Regex OriginPattern();
}
