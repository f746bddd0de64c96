namespace Fairlead.Node.Pods;

/// <summary>
/// How long a container waits before it is started again: 10 s, doubled with each restart up to 5 min, forgotten when it ran
/// for 10 min (Kubernetes documentation: "Pod Lifecycle", "Container restart policy"). The first restart does not wait.
/// </summary>
internal sealed record RestartBackOff(TimeSpan Delay, DateTimeOffset Since)
{
    public static readonly TimeSpan First = TimeSpan.FromSeconds(10);
    public static readonly TimeSpan Longest = TimeSpan.FromMinutes(5);

    /// <summary>What is still to wait for a container that ended at the given time; zero: nothing.</summary>
    public static TimeSpan Remaining(RestartBackOff? entry, DateTimeOffset finished, DateTimeOffset now)
    {
        if (entry is null || entry.IsForgotten(finished)) return TimeSpan.Zero;
        var left = finished + entry.Delay - now;
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    /// <summary>The entry after a restart.</summary>
    public static RestartBackOff Next(RestartBackOff? entry, DateTimeOffset finished, DateTimeOffset now)
    {
        if (entry is null || entry.IsForgotten(finished)) return new(First, now);
        return new(entry.Delay * 2 < Longest ? entry.Delay * 2 : Longest, now);
    }

    private bool IsForgotten(DateTimeOffset finished) => finished - Since > Longest * 2;

    /// <summary>As Go prints a duration: <c>10s</c>, <c>1m20s</c>, <c>5m0s</c>.</summary>
    public static string Text(TimeSpan delay) =>
        delay < TimeSpan.FromMinutes(1) ? $"{(int)delay.TotalSeconds}s" : $"{(int)delay.TotalMinutes}m{delay.Seconds}s";
}
