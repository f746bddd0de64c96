using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Forward;

internal static partial class ForwardLog
{
    [LoggerMessage(7100, LogLevel.Debug, "{Upstream} did not answer: {Reason}")]
    internal static partial void NoAnswer(ILogger logger, UpstreamServer upstream, string reason);

    [LoggerMessage(7101, LogLevel.Error, "asking other servers failed")]
    internal static partial void Failed(ILogger logger, Exception failure);

    [LoggerMessage(7102, LogLevel.Error, "{Upstream} sends questions back to this server; it is not asked any more. Name another server instead")]
    internal static partial void Loop(ILogger logger, UpstreamServer upstream);

    [LoggerMessage(7103, LogLevel.Warning, "no server to forward {Domain} to: its names fail")]
    internal static partial void NoUpstreams(ILogger logger, string domain);

    [LoggerMessage(7104, LogLevel.Warning, "{Upstream} is down ({Reason}); others are asked first until it answers")]
    internal static partial void Down(ILogger logger, UpstreamServer upstream, string reason);

    [LoggerMessage(7105, LogLevel.Information, "{Upstream} answers again")]
    internal static partial void Up(ILogger logger, UpstreamServer upstream);
}
