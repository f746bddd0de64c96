using Microsoft.Extensions.Logging;

namespace Fairlead.LoadBalancer.Bgp;

internal static partial class BgpLog
{
    [LoggerMessage(8201, LogLevel.Information, "node {Node}: BGP peer {Peer} (AS {As}): session is up, hold time {Hold} s")]
    public static partial void Up(ILogger log, string node, string peer, uint @as, double hold);

    [LoggerMessage(8202, LogLevel.Warning, "node {Node}: BGP peer {Peer}: {What}: {Reason}; trying again in {Seconds} s")]
    public static partial void Down(ILogger log, string node, string peer, string what, string reason, double seconds);

    [LoggerMessage(8203, LogLevel.Debug, "node {Node}: BGP peer {Peer}: {Reason}; trying again in {Seconds} s")]
    public static partial void DownAgain(ILogger log, string node, string peer, string reason, double seconds);

    [LoggerMessage(8204, LogLevel.Information, "node {Node} announces by BGP: {Addresses}")]
    public static partial void Announces(ILogger log, string node, string addresses);

    [LoggerMessage(8205, LogLevel.Error, "node {Node}: BGP peer {Peer}: unexpected failure")]
    public static partial void Failed(ILogger log, Exception e, string node, string peer);
}
