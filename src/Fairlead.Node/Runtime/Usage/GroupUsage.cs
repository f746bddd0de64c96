namespace Fairlead.Node.Runtime.Usage;

/// <summary>What the processes of a cgroup, and of those below it, have used and use now.</summary>
internal sealed record GroupUsage
{
    /// <summary>Since the group was made; so are the two parts.</summary>
    public TimeSpan Processor { get; init; }
    public TimeSpan UserProcessor { get; init; }
    public TimeSpan SystemProcessor { get; init; }

    /// <summary>Bytes, page cache among them.</summary>
    public long Memory { get; init; }

    /// <summary>Memory without the pages of files that nobody has touched for a while: what could not be taken away at once. Bytes.</summary>
    public long WorkingSet { get; init; }

    /// <summary>Anonymous memory, in bytes.</summary>
    public long Resident { get; init; }

    /// <summary>Bytes.</summary>
    public long PageCache { get; init; }

    /// <summary>Bytes.</summary>
    public long Swap { get; init; }

    /// <summary>Bytes; null: no limit.</summary>
    public long? MemoryLimit { get; init; }
    public long PageFaults { get; init; }
    public long MajorPageFaults { get; init; }

    /// <summary>Threads; null: the kernel does not count them.</summary>
    public long? Threads { get; init; }

    /// <summary>Periods of the processor quota, those of them in which the group was held back, and for how long in all.</summary>
    public long Periods { get; init; }
    public long ThrottledPeriods { get; init; }
    public TimeSpan Throttled { get; init; }
}
