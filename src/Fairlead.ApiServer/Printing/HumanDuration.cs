namespace Fairlead.ApiServer.Printing;

/// <summary>Durations as kubectl shows ages: two units at most, fewer the longer it is.</summary>
internal static class HumanDuration
{
    public static string Since(DateTimeOffset? time, DateTimeOffset now) => time is { } start ? Format(now - start) : Fields.Unknown;

    public static string Format(TimeSpan duration)
    {
        var seconds = (long)duration.TotalSeconds;
        // Clocks of machines differ a little: a second in the future is now.
        if (seconds < -1) return "<invalid>";
        if (seconds < 0) return "0s";
        var (minutes, hours) = (seconds / 60, seconds / 3600);
        var days = hours / 24;
        return (seconds, minutes, hours) switch
        {
            ( < 120, _, _) => $"{seconds}s",
            (_, < 10, _) => Two(minutes, "m", seconds % 60, "s"),
            (_, < 180, _) => $"{minutes}m",
            (_, _, < 8) => Two(hours, "h", minutes % 60, "m"),
            (_, _, < 48) => $"{hours}h",
            (_, _, < 24 * 8) => Two(days, "d", hours % 24, "h"),
            (_, _, < 24 * 365 * 2) => $"{days}d",
            (_, _, < 24 * 365 * 8) => Two(days / 365, "y", days % 365, "d"),
            _ => $"{days / 365}y",
        };
    }

    private static string Two(long large, string largeUnit, long small, string smallUnit) =>
        small == 0 ? $"{large}{largeUnit}" : $"{large}{largeUnit}{small}{smallUnit}";
}
