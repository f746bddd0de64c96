namespace Fairlead;

/// <summary>
/// Gives back to the system what a burst has left in the heap, once the process has little to do: the runtime keeps it for a next burst,
/// which may not come for days. The collection stops everything for about a millisecond a megabyte that is in use.
/// </summary>
internal sealed class IdleMemory : IDisposable
{
    /// <summary>Less is not worth a collection of everything.</summary>
    private const long Worthwhile = 16 << 20;

    private static readonly TimeSpan Every = TimeSpan.FromSeconds(5);
    private readonly ITimer _timer;
    private TimeSpan _processor;
    private long _left;

    private IdleMemory(TimeProvider time)
    {
        _processor = Environment.CpuUsage.TotalTime;
        _timer = time.CreateTimer(_ => Look(), null, Every, Every);
    }

    /// <summary>Until disposed of.</summary>
    public static IdleMemory Watch(TimeProvider time) => new(time);

    public void Dispose() => _timer.Dispose();

    /// <summary>Whether a collection is due.</summary>
    /// <param name="processor">Used in the time since the last look.</param>
    /// <param name="committed">Bytes that the heap has of the system.</param>
    /// <param name="left">The same after the last collection by this rule; 0: there was none.</param>
    private static bool IsDue(TimeSpan processor, long committed, long left) => processor < Every / 20 && committed > left + (left / 4) + Worthwhile;

    private void Look()
    {
        var processor = Environment.CpuUsage.TotalTime;
        var isDue = IsDue(processor - _processor, Committed, _left);
        _processor = processor;
        if (!isDue) return;
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        _left = Committed;
        _processor = Environment.CpuUsage.TotalTime;
    }

    /// <summary>As of the latest collection.</summary>
    private static long Committed => GC.GetGCMemoryInfo(GCKind.Any).TotalCommittedBytes;
}
