namespace Fairlead.Kube.Client;

/// <summary>What to list or watch; null means no restriction.</summary>
public sealed record ListOptions
{
    public static readonly ListOptions All = new();

    public string? LabelSelector { get; init; }
    public string? FieldSelector { get; init; }

    /// <summary>Objects a page; a list is fetched page by page and parsed as it comes. 0: all at once.</summary>
    public int PageSize { get; init; } = 500;
}

/// <summary>A list and the resource version from which a watch continues it.</summary>
public sealed record ObjectList<T>(IReadOnlyList<T> Items, string ResourceVersion);

public enum WatchEventType
{
    Added,
    Modified,
    Deleted,
    /// <summary>Carries a resource version only: everything up to it has been seen.</summary>
    Bookmark,
}

public readonly record struct WatchEvent<T>(WatchEventType Type, T Object);
