using System.Globalization;
using System.Text;

namespace Fairlead.Node.Streaming;

/// <summary>A line of a container log: <c>2026-01-01T00:00:00.000000000+00:00 stdout F text</c>; P in place of F: the line goes on in the next.</summary>
internal readonly ref struct CriLogLine
{
    private CriLogLine(ReadOnlySpan<byte> time, bool partial, ReadOnlySpan<byte> content)
    {
        Time = time;
        IsPartial = partial;
        Content = content;
    }

    public ReadOnlySpan<byte> Time { get; }

    public bool IsPartial { get; }

    public ReadOnlySpan<byte> Content { get; }

    /// <param name="line">Without its line end. Anything that is not of the form is content without a time.</param>
    public static CriLogLine Parse(ReadOnlySpan<byte> line)
    {
        var time = line.IndexOf((byte)' ');
        var stream = time < 0 ? -1 : line[(time + 1)..].IndexOf((byte)' ');
        if (stream < 0) return new([], false, line);
        var rest = line[(time + stream + 2)..];
        var tag = rest.IndexOf((byte)' ');
        var tags = tag < 0 ? rest : rest[..tag];
        return new(line[..time], tags.StartsWith("P"u8), tag < 0 ? [] : rest[(tag + 1)..]);
    }

    public bool IsBefore(DateTimeOffset since) =>
        DateTimeOffset.TryParse(Encoding.ASCII.GetString(Time), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) && at < since;
}

/// <summary>Turns log lines into what a client gets: partial lines joined, times put in front where asked for, cut at a limit.</summary>
internal sealed class CriLogFormat(LogOptions options)
{
    private long _left = options.LimitBytes ?? long.MaxValue;
    private bool _atLineStart = true;
    private bool _skipping;

    public bool IsFull => _left <= 0;

    /// <summary>Appends what one raw line comes to.</summary>
    public void Append(ReadOnlySpan<byte> raw, MemoryStream output)
    {
        var line = CriLogLine.Parse(raw);
        if (_atLineStart) _skipping = options.Since is { } since && line.IsBefore(since);
        if (!_skipping)
        {
            if (_atLineStart && options.Timestamps)
            {
                WriteTime(line.Time, output);
                Write(" "u8, output);
            }
            Write(line.Content, output);
            if (!line.IsPartial) Write("\n"u8, output);
        }
        _atLineStart = !line.IsPartial;
    }

    /// <summary>As RFC 3339 writes it in UTC, with Z.</summary>
    private void WriteTime(ReadOnlySpan<byte> time, MemoryStream output)
    {
        if (time.EndsWith("+00:00"u8))
        {
            Write(time[..^6], output);
            Write("Z"u8, output);
        }
        else
        {
            Write(time, output);
        }
    }

    private void Write(ReadOnlySpan<byte> bytes, MemoryStream output)
    {
        if (bytes.Length > _left) bytes = bytes[..(int)_left];
        output.Write(bytes);
        _left -= bytes.Length;
    }
}
