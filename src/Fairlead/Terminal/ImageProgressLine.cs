using System.Globalization;
using Fairlead.Node.Images;

namespace Fairlead.Terminal;

/// <summary>Progress of an import or a pull: on a terminal one line that changes, otherwise nothing until it is done.</summary>
internal sealed class ImageProgressLine(TextWriter output, TimeProvider time) : IProgress<ImageProgress>
{
    private readonly ChangingLine _line = new(output, time);
    private readonly Dictionary<string, ImageProgress> _parts = [];
    private readonly Lock _lock = new();

    public void Report(ImageProgress value)
    {
        lock (_lock)
        {
            _parts[value.Step == "reading" ? "" : value.What] = value;
            _line.Show(() => value.Step switch
            {
                "pulling" => $"pulling {Bytes(_parts.Values.Sum(part => part.Done))} of {Bytes(_parts.Values.Sum(part => part.Total))}, {_parts.Count} parts",
                "reading" => $"reading {Bytes(value.Done)}{(value.Total > 0 ? $" of {Bytes(value.Total)}" : "")}",
                _ => $"{value.Step} {value.What}",
            });
        }
    }

    /// <summary>Takes the line away again.</summary>
    public void Clear() => _line.Clear();

    public static string Bytes(long bytes) => bytes switch
    {
        >= 1_000_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:F1}GB"),
        >= 1_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:F1}MB"),
        >= 1_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e3:F1}kB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes}B"),
    };
}
