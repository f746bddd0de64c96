using Microsoft.Extensions.Logging;

namespace Fairlead.LoadBalancer.Announce;

internal static partial class AnnouncerLog
{
    [LoggerMessage(8101, LogLevel.Information, "node {Node} announces {Address}")]
    public static partial void Announced(ILogger log, string node, string address);

    [LoggerMessage(8102, LogLevel.Warning, "{Address} could not be announced: {Message}")]
    public static partial void NotTold(ILogger log, string address, string message);

    [LoggerMessage(8103, LogLevel.Warning, "node {Node} could not renew its Lease: {Message}")]
    public static partial void NotRenewed(ILogger log, string node, string message);

    [LoggerMessage(8104, LogLevel.Warning, "node {Node} takes {Address} over from {Holder}, which is silent")]
    public static partial void TakenOver(ILogger log, string node, string address, string holder);

    [LoggerMessage(8105, LogLevel.Information, "node {Node} leaves {Address} to others")]
    public static partial void Released(ILogger log, string node, string address);
}
