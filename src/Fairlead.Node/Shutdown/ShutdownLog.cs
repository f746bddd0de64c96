using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Shutdown;

internal static partial class ShutdownLog
{
    [LoggerMessage(2801, LogLevel.Information, "a shutdown of this machine waits up to {Seconds:F0} s for the pods to end")]
    public static partial void Held(ILogger log, double seconds);

    [LoggerMessage(2802, LogLevel.Warning, "a shutdown of this machine will not wait for the pods: {Message}")]
    public static partial void Unavailable(ILogger log, string message);

    [LoggerMessage(2803, LogLevel.Warning, "logind waits {Allowed:F0} s at a shutdown, not the {Wanted:F0} s that pods have; InhibitDelayMaxSec in logind.conf(5) sets it")]
    public static partial void TooShort(ILogger log, double allowed, double wanted);

    [LoggerMessage(2804, LogLevel.Information, "the machine shuts down: the pods end")]
    public static partial void Begins(ILogger log);

    [LoggerMessage(2805, LogLevel.Information, "the pods have ended, or their time is over, after {Seconds:F1} s: the machine may shut down")]
    public static partial void Ended(ILogger log, double seconds);

    [LoggerMessage(2806, LogLevel.Information, "the shutdown has been called off: the node takes pods again")]
    public static partial void CalledOff(ILogger log);

    [LoggerMessage(2807, LogLevel.Warning, "{Count} pods have not ended within the {Seconds:F0} s that they had")]
    public static partial void OutOfTime(ILogger log, int count, double seconds);
}
