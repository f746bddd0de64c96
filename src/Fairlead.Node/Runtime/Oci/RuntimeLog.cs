using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Runtime.Oci;

internal static partial class RuntimeLog
{
    [LoggerMessage(2201, LogLevel.Warning, "container {Id}: something was left behind: {Message}")]
    public static partial void LeftBehind(ILogger log, string id, string message);
}
