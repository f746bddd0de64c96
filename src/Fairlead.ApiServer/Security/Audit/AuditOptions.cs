namespace Fairlead.ApiServer.Security.Audit;

/// <summary>Where requests are written down, and which (Kubernetes documentation: "Auditing").</summary>
public sealed record AuditOptions
{
    /// <summary>The file to append to; <c>-</c>: standard output.</summary>
    public required string LogPath { get; init; }

    /// <summary>An audit.k8s.io/v1 Policy.</summary>
    public required string PolicyFile { get; init; }

    /// <summary>Megabytes at which a file is put aside and a new one begun; 0: never.</summary>
    public int MaxSize { get; init; } = 100;

    /// <summary>Files put aside that are kept; 0: all.</summary>
    public int MaxBackups { get; init; } = 100;

    /// <summary>Days for which they are kept; 0: for ever.</summary>
    public int MaxAge { get; init; } = 366;

    internal IEnumerable<string> Validate()
    {
        if (MaxSize < 0) yield return $"--audit-log-maxsize {MaxSize} is no number of megabytes";
        if (MaxBackups < 0) yield return $"--audit-log-maxbackup {MaxBackups} is no number of files";
        if (MaxAge < 0) yield return $"--audit-log-maxage {MaxAge} is no number of days";
    }
}
