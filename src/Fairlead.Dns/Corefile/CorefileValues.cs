using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;

namespace Fairlead.Dns.Corefile;

/// <summary>Values as Corefiles spell them; null where a text is none.</summary>
internal static partial class CorefileValues
{
    /// <summary>5s, 1m30s, 250ms; a bare number is seconds.</summary>
    internal static TimeSpan? Duration(string text)
    {
        if (double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds))
        {
            return TimeSpan.FromSeconds(seconds);
        }
        if (!Durations().IsMatch(text))
        {
            return null;
        }
        TimeSpan sum = TimeSpan.Zero;
        foreach (Match part in DurationPart().Matches(text))
        {
            double value = double.Parse(part.Groups[1].Value, CultureInfo.InvariantCulture);
            sum += part.Groups[2].Value switch { "h" => TimeSpan.FromHours(value), "m" => TimeSpan.FromMinutes(value), "s" => TimeSpan.FromSeconds(value), _ => TimeSpan.FromMilliseconds(value) };
        }
        return sum;
    }

    internal static int? Number(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : null;

    /// <summary>10%, or 10.</summary>
    internal static int? Percentage(string text) => Number(text.TrimEnd('%')) is { } value and <= 100 ? value : null;

    /// <summary>:8080, localhost:9153, 10.0.0.1:53.</summary>
    internal static IPEndPoint? Address(string text)
    {
        int colon = text.LastIndexOf(':');
        string host = colon < 0 ? "" : text[..colon];
        return host switch
        {
            "" when colon == 0 && Number(text[1..]) is { } port and > 0 and <= ushort.MaxValue => new IPEndPoint(IPAddress.Any, port),
            "localhost" when Number(text[(colon + 1)..]) is { } port and > 0 and <= ushort.MaxValue => new IPEndPoint(IPAddress.Loopback, port),
            _ => IPEndPoint.TryParse(text, out IPEndPoint? address) && address.Port > 0 ? address : null,
        };
    }

    [GeneratedRegex(@"^(\d+(\.\d+)?(h|ms|m|s))+$")]
    private static partial Regex Durations();

    [GeneratedRegex(@"(\d+(?:\.\d+)?)(h|ms|m|s)")]
    private static partial Regex DurationPart();
}
