using System.Net;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Server;

internal static partial class ServerLog
{
    [LoggerMessage(7200, LogLevel.Error, "a question failed unexpectedly")]
    internal static partial void QuestionFailed(ILogger logger, Exception failure);

    [LoggerMessage(7201, LogLevel.Information, "listening at {Address}, UDP and TCP")]
    internal static partial void Listening(ILogger logger, IPEndPoint address);

    [LoggerMessage(7202, LogLevel.Warning, "{Address}: {Reason}")]
    internal static partial void ReceiveFailed(ILogger logger, IPEndPoint address, string reason);
}
