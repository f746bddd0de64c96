namespace Fairlead.Dns;

/// <summary>Which answers are logged; the classes of CoreDNS' plugin log.</summary>
[Flags]
public enum AnswerClasses
{
    None = 0,

    /// <summary>NOERROR with records.</summary>
    Success = 1,

    /// <summary>NXDOMAIN, and NOERROR without records.</summary>
    Denial = 2,

    /// <summary>All other codes.</summary>
    Error = 4,

    All = Success | Denial | Error,
}

/// <summary>A line for each question and its answer.</summary>
public sealed record QueryLogOptions
{
    /// <summary>Domains whose questions are logged.</summary>
    public IReadOnlyList<string> Domains { get; init; } = ["."];

    public AnswerClasses Classes { get; init; } = AnswerClasses.All;
}
