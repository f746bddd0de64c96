using Microsoft.Extensions.Logging;

namespace Fairlead.Proxy;

internal static partial class ProxyLog
{
    [LoggerMessage(4000, LogLevel.Warning, "table {Table}: the kernel refused a change, reading what it holds: {Refusal}")]
    internal static partial void Refused(ILogger logger, string table, string refusal);

    [LoggerMessage(4001, LogLevel.Information, "table {Table}: {Services} services in the kernel after {Changes} changes with {Elements} elements")]
    internal static partial void Synced(ILogger logger, string table, int services, int changes, int elements);

    [LoggerMessage(4002, LogLevel.Warning, "table {Table}: somebody else had changed it; mended")]
    internal static partial void Mended(ILogger logger, string table);

    [LoggerMessage(4003, LogLevel.Error, "syncing {Count} services failed, first {Key}; trying again")]
    internal static partial void SyncFailed(ILogger logger, Exception failure, int count, string key);

    [LoggerMessage(4004, LogLevel.Warning, "stale flows could not be removed: {Reason}")]
    internal static partial void FlowsFailed(ILogger logger, string reason);

    [LoggerMessage(4006, LogLevel.Warning, "port {Port}, the health check of {Key}, cannot be listened on: {Reason}")]
    internal static partial void NotListening(ILogger logger, int port, string key, string reason);

    [LoggerMessage(4007, LogLevel.Warning, "event {Reason} about {Key} was not written: {Failure}")]
    internal static partial void NotTold(ILogger logger, string key, string reason, string failure);

    [LoggerMessage(4008, LogLevel.Information, "ServiceCIDRs are not to be had, only --service-cluster-ip-range counts: {Reason}")]
    internal static partial void NoRanges(ILogger logger, string reason);

    [LoggerMessage(4009, LogLevel.Warning, "ServiceCIDRs cannot be listed: {Reason}; trying again")]
    internal static partial void RangesUnknown(ILogger logger, string reason);

    [LoggerMessage(4005, LogLevel.Debug, "{Flows} stale UDP flows and {Clients} stale affinities removed")]
    internal static partial void Forgotten(ILogger logger, int flows, int clients);
}
