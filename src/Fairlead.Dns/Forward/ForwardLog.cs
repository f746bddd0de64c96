using System.Net;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Forward;

internal static partial class ForwardLog
{
    [LoggerMessage(7100, LogLevel.Debug, "{Upstream} did not answer")]
    internal static partial void NoAnswer(ILogger logger, IPEndPoint upstream);

    [LoggerMessage(7101, LogLevel.Error, "asking other servers failed")]
    internal static partial void Failed(ILogger logger, Exception failure);

    [LoggerMessage(7102, LogLevel.Error, "{Upstream} sends questions back to this server; it is not asked any more. Name another server instead")]
    internal static partial void Loop(ILogger logger, IPEndPoint upstream);

    [LoggerMessage(7103, LogLevel.Warning, "no server to forward to: names outside the cluster fail")]
    internal static partial void NoUpstreams(ILogger logger);
}
