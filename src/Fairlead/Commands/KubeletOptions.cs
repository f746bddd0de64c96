using System.CommandLine;
using System.Globalization;
using Fairlead.Node.Images;
using Fairlead.Node.Shutdown;
using Fairlead.Terminal;

namespace Fairlead.Commands;

/// <summary>How nodes treat pods and images, in the words of kubelet's flags and configuration; `agent` takes them, and `up` for all its nodes.</summary>
internal sealed class KubeletOptions
{
    private static readonly ImageLimits Images = new();
    private readonly Option<string?> _total = new("--shutdown-grace-period") { Description = "How long a shutdown of this machine waits for pods to end, by systemd-logind, for example 30s; default: it does not." };
    private readonly Option<string?> _critical = new("--shutdown-grace-period-critical-pods") { Description = "The last part of that time, which is for critical pods, for example 10s." };
    private readonly Option<int?> _high = new("--image-gc-high-threshold") { Description = $"Percent of the disk in use at which unused images begin to be removed; default: {Images.High}." };
    private readonly Option<int?> _low = new("--image-gc-low-threshold") { Description = $"Percent of the disk in use down to which they are removed; default: {Images.Low}." };
    private readonly Option<string?> _age = new("--minimum-image-ttl-duration") { Description = "How long an image stays after its last use, for example 2m, which is the default." };

    public IEnumerable<Option> All => [_total, _critical, _high, _low, _age];

    /// <summary>Null: a shutdown does not wait.</summary>
    /// <exception cref="UserException">They do not go together.</exception>
    public ShutdownGrace? Shutdown(ParseResult parse)
    {
        var grace = new ShutdownGrace(Duration(parse, _total) ?? TimeSpan.Zero, Duration(parse, _critical) ?? TimeSpan.Zero);
        if (grace.Fault() is { } fault) throw new UserException(fault);
        return grace.Total > TimeSpan.Zero ? grace : null;
    }

    /// <exception cref="UserException">They do not go together.</exception>
    public ImageLimits Limits(ParseResult parse)
    {
        var limits = new ImageLimits
        {
            High = parse.GetValue(_high) ?? Images.High,
            Low = parse.GetValue(_low) ?? Images.Low,
            MinimumAge = Duration(parse, _age) ?? Images.MinimumAge,
        };
        return limits.Fault() is { } fault ? throw new UserException(fault) : limits;
    }

    /// <summary>The same as words of a command line, for a process that is started with them.</summary>
    /// <exception cref="UserException">They do not go together.</exception>
    public IReadOnlyList<string> Pass(ParseResult parse)
    {
        _ = (Shutdown(parse), Limits(parse));
        var words = new List<string>();
        foreach (var option in (Option<string?>[])[_total, _critical, _age])
        {
            if (parse.GetValue(option) is { } text) words.AddRange([option.Name, text]);
        }
        foreach (var option in (Option<int?>[])[_high, _low])
        {
            if (parse.GetValue(option) is { } number) words.AddRange([option.Name, number.ToString(CultureInfo.InvariantCulture)]);
        }
        return words;
    }

    private static TimeSpan? Duration(ParseResult parse, Option<string?> option) => parse.GetValue(option) switch { null => null, "0" => TimeSpan.Zero, var text => UpCommand.Duration(text) };
}
