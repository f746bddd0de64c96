using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Registration;

internal static partial class NodeLog
{
    [LoggerMessage(2001, LogLevel.Warning, "node {Node} is not registered: {Message}; trying again in {Milliseconds} ms")]
    public static partial void NotRegistered(ILogger log, string node, string message, double milliseconds);

    [LoggerMessage(2002, LogLevel.Warning, "node {Node}: status not written: {Message}")]
    public static partial void StatusNotWritten(ILogger log, string node, string message);

    [LoggerMessage(2003, LogLevel.Warning, "node {Node}: lease not renewed: {Message}")]
    public static partial void LeaseNotRenewed(ILogger log, string node, string message);

    [LoggerMessage(2004, LogLevel.Information, "node {Node} is ready, pod CIDR {Cidr}, {Milliseconds:F0} ms after the agent's start")]
    public static partial void Ready(ILogger log, string node, string cidr, double milliseconds);

    [LoggerMessage(2005, LogLevel.Error, "node {Node}: the pod network cannot be made: {Message}")]
    public static partial void NetworkFailed(ILogger log, string node, string message);

    [LoggerMessage(2006, LogLevel.Warning, "route to {Cidr} by {Gateway} was not set: {Message}")]
    public static partial void RouteFailed(ILogger log, string cidr, string gateway, string message);

    [LoggerMessage(2007, LogLevel.Error, "link {Link} for packets to nodes that are no neighbours cannot be made: {Message}")]
    public static partial void TunnelFailed(ILogger log, string link, string message);
}
