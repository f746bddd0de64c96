namespace Fairlead.Dns.Forward;

/// <summary>What is done with an answer whose time is over.</summary>
public enum StalePolicy
{
    /// <summary>Nothing.</summary>
    Never,

    /// <summary>It is given when no server answers in <see cref="CacheOptions.StalePatience"/> (RFC 8767 5).</summary>
    WhenNobodyAnswers,

    /// <summary>It is given at once, and asked for anew afterwards.</summary>
    AtOnce,
}

/// <summary>How other servers' answers are kept. The cluster's own names never are.</summary>
public sealed record CacheOptions
{
    /// <summary>Answers kept at most.</summary>
    public int Capacity { get; init; } = 10_000;

    /// <summary>The longest that an answer is kept, whatever its TTL; zero keeps none.</summary>
    public TimeSpan Longest { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The same for answers that there is no such name or no data.</summary>
    public TimeSpan LongestNegative { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The shortest that an answer is kept, even when its TTL is less.</summary>
    public TimeSpan Least { get; init; } = TimeSpan.Zero;

    /// <summary>The same for negative answers.</summary>
    public TimeSpan LeastNegative { get; init; } = TimeSpan.Zero;

    /// <summary>How long a failure of the servers is remembered.</summary>
    public TimeSpan LongestFailure { get; init; } = TimeSpan.Zero;

    /// <summary>Answers that were given this often are asked for anew before their end; 0: none are.</summary>
    public int PrefetchHits { get; init; } = 3;

    /// <summary>What must be left of the TTL for that, in percent at most.</summary>
    public int PrefetchPercentage { get; init; } = 10;

    public StalePolicy Stale { get; init; } = StalePolicy.WhenNobodyAnswers;

    /// <summary>How long after its end an answer may still be given.</summary>
    public TimeSpan LongestStale { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Patience with the servers before an old answer is given (RFC 8767 5).</summary>
    public TimeSpan StalePatience { get; init; } = TimeSpan.FromSeconds(1.8);

    /// <summary>Domains whose answers are not kept.</summary>
    public IReadOnlyList<string> Never { get; init; } = [];

    /// <summary>Domains whose negative answers are not kept.</summary>
    public IReadOnlyList<string> NeverNegative { get; init; } = [];
}
