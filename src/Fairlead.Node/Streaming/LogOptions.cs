using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Fairlead.Node.Streaming;

/// <summary>What of a container's log is asked for (Kubernetes API: PodLogOptions).</summary>
internal sealed record LogOptions
{
    public bool Follow { get; init; }

    /// <summary>The log of the container before the present one.</summary>
    public bool Previous { get; init; }

    /// <summary>Lines from the end; null: all.</summary>
    public long? TailLines { get; init; }

    /// <summary>Lines from this time on; null: all.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>Each line begins with its time.</summary>
    public bool Timestamps { get; init; }

    /// <summary>Bytes to send at most; null: no limit.</summary>
    public long? LimitBytes { get; init; }

    /// <summary>Options, or what is wrong with the query.</summary>
    public static (LogOptions? Options, string? Failure) Parse(IQueryCollection query, DateTimeOffset now)
    {
        if (!TryNumber(query["tailLines"], out var tail) || tail < 0) return (null, "tailLines must be a number not below 0");
        if (!TryNumber(query["limitBytes"], out var limit) || limit < 1) return (null, "limitBytes must be a number above 0");
        if (!TryNumber(query["sinceSeconds"], out var seconds) || seconds < 1) return (null, "sinceSeconds must be a number above 0");
        DateTimeOffset? since = seconds is { } ago ? now - TimeSpan.FromSeconds(ago) : null;
        if (query["sinceTime"].ToString() is { Length: > 0 } text)
        {
            if (!DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var given)) return (null, "sinceTime must be an RFC 3339 time");
            since = given;
        }
        return (new LogOptions
        {
            Follow = IsTrue(query["follow"]),
            Previous = IsTrue(query["previous"]),
            Timestamps = IsTrue(query["timestamps"]),
            TailLines = tail,
            LimitBytes = limit,
            Since = since,
        }, null);
    }

    internal static bool IsTrue(string? value) => value is "true" or "1" or "True" or "TRUE" or "t" or "T";

    /// <summary>True also when there is none.</summary>
    private static bool TryNumber(string? text, out long? number)
    {
        number = null;
        if (string.IsNullOrEmpty(text)) return true;
        var ok = long.TryParse(text, CultureInfo.InvariantCulture, out var parsed);
        number = parsed;
        return ok;
    }
}
