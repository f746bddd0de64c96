using Microsoft.Extensions.Logging;

namespace Fairlead.Ingress.Proxy.Lean;

internal static partial class LeanLog
{
    [LoggerMessage(9151, LogLevel.Error, "a loop of the ingress met what nothing caught")]
    public static partial void LoopFailed(ILogger log, Exception e);

    [LoggerMessage(9152, LogLevel.Error, "a connection from {Client} failed")]
    public static partial void ConnectionFailed(ILogger log, Exception e, string client);

    [LoggerMessage(9153, LogLevel.Debug, "request {Id}: {Endpoint} of {Ingress} failed: {Error}")]
    public static partial void UpstreamFailed(ILogger log, string id, string endpoint, string ingress, int error);
}
