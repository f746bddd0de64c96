using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Corefile;

/// <summary>Reads a Corefile anew when it or what it imports has changed. One that is wrong is refused in one line, and what was goes on.</summary>
/// <param name="finish">From what the file says to the server's settings.</param>
public sealed class CorefileReload(
    string file, CorefileSettings first, Func<CorefileSettings, ClusterDnsOptions> finish, Func<ClusterDnsOptions, CancellationToken, Task> apply, ILoggerFactory logs, TimeProvider time)
{
    private readonly ILogger _log = logs.CreateLogger<CorefileReload>();
    private readonly string _firstText = CorefileSettings.Text(file);

    /// <summary>Looks until cancelled; ends at once where the file has no directive reload.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        CorefileSettings current = first;
        string seen = _firstText;
        while (current.Reload is { } interval && !cancellationToken.IsCancellationRequested)
        {
            await Task.Delay(interval, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            string now = CorefileSettings.Text(file);
            if (now != seen && !cancellationToken.IsCancellationRequested)
            {
                seen = now;
                current = await TakeAsync(current, cancellationToken) ?? current;
            }
        }
    }

    private async Task<CorefileSettings?> TakeAsync(CorefileSettings current, CancellationToken cancel)
    {
        CorefileSettings? next = CorefileSettings.Read(file, out IReadOnlyList<string> errors);
        if (next is null)
        {
            CorefileLog.Refused(_log, file, string.Join("; ", errors));
            return null;
        }
        if (!finish(next).Listen.SequenceEqual(finish(current).Listen) || !next.Status.SequenceEqual(current.Status))
        {
            CorefileLog.Refused(_log, file, "it changes addresses that are listened at, for which the server must be started anew");
            return null;
        }
        if (finish(next).Validate() is { Count: > 0 } wrong)
        {
            CorefileLog.Refused(_log, file, string.Join("; ", wrong));
            return null;
        }
        try
        {
            await apply(finish(next), cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return null;
        }
        CorefileLog.Taken(_log, file);
        return next;
    }
}

internal static partial class CorefileLog
{
    [LoggerMessage(7300, LogLevel.Error, "{File} is not taken, and the settings stay as they were: {Reason}")]
    internal static partial void Refused(ILogger logger, string file, string reason);

    [LoggerMessage(7301, LogLevel.Information, "{File} has changed and is taken")]
    internal static partial void Taken(ILogger logger, string file);
}
