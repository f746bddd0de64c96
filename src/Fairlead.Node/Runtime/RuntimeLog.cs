using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Runtime;

internal static partial class RuntimeLog
{
    [LoggerMessage(2201, LogLevel.Warning, "container {Id}: something was left behind: {Message}")]
    public static partial void LeftBehind(ILogger log, string id, string message);

    [LoggerMessage(2202, LogLevel.Warning, "container runtime at {Socket}: {Message}")]
    public static partial void OutOfReach(ILogger log, string socket, string message);

    [LoggerMessage(2203, LogLevel.Warning, "containerd of {Socket} has ended; it is started again")]
    public static partial void Ended(ILogger log, string socket);

    [LoggerMessage(2204, LogLevel.Information, "containerd {Version} at {Socket}: {What}")]
    public static partial void Serves(ILogger log, string version, string socket, string what);

    [LoggerMessage(2205, LogLevel.Warning, "pod network request failed: {Message}")]
    public static partial void NetworkRequestFailed(ILogger log, string message);

    [LoggerMessage(2206, LogLevel.Warning, "pod {Uid}: the process that holds its process namespace has ended; its containers are started anew")]
    public static partial void PauseEnded(ILogger log, string uid);
}
