namespace Fairlead.Node.Shutdown;

/// <summary>Who shuts the machine down, as far as a node has to know it (org.freedesktop.login1(5)).</summary>
internal interface ILogind : IDisposable
{
    /// <summary>How long it waits at most for those who hold a shutdown up: InhibitDelayMaxUSec.</summary>
    Task<TimeSpan> LongestDelayAsync(CancellationToken cancel);

    /// <summary>It reads its configuration again.</summary>
    Task ReloadAsync(CancellationToken cancel);

    /// <summary>Holds a shutdown up, for the longest delay at most, until the answer is disposed.</summary>
    Task<IDisposable> InhibitAsync(CancellationToken cancel);

    /// <summary>True when a shutdown begins, false when it has been called off; it fails when there is nobody any more to tell.</summary>
    IAsyncEnumerable<bool> ShutdownsAsync(CancellationToken cancel);
}
