namespace Fairlead.Dns.Hosts;

/// <summary>Names from a file as hosts(5).</summary>
public sealed record HostsOptions
{
    /// <summary>Null: the lines alone.</summary>
    public string? File { get; init; }

    /// <summary>Lines beside the file's.</summary>
    public IReadOnlyList<string> Lines { get; init; } = [];

    /// <summary>Domains for whose names the table is asked.</summary>
    public IReadOnlyList<string> Domains { get; init; } = ["."];

    /// <summary>Of the records, in seconds.</summary>
    public int TimeToLive { get; init; } = 3600;

    /// <summary>The addresses have no names (PTR).</summary>
    public bool NoReverse { get; init; }

    /// <summary>Between looks at the file; zero: it is read once.</summary>
    public TimeSpan Reload { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Domains whose names that are not in the table are others' to answer; those of other domains do not exist.</summary>
    public IReadOnlyList<string> Fallthrough { get; init; } = [];
}
