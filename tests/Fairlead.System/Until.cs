namespace Fairlead.System;

/// <summary>Waits for a condition, with a deadline; what was last seen is in the failure.</summary>
public static class Until
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    public static async Task<T> AsyncHolds<T>(Func<Task<T>> look, Func<T, bool> holds, string what)
    {
        var deadline = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var seen = await look();
            if (holds(seen)) return seen;
            if (TimeProvider.System.GetElapsedTime(deadline) > Patience) throw new TimeoutException($"{what}: not within {Patience.TotalSeconds} s; last seen: {seen}");
            await Task.Delay(Pause, TimeProvider.System);
        }
    }
}
