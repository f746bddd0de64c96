using Microsoft.Extensions.Logging;

namespace Fairlead.ApiServer.Storage.Etcd;

internal static partial class EtcdLog
{
    [LoggerMessage(5050, LogLevel.Warning, "etcd: leaving {Server} ({Why}) for {Next}")]
    public static partial void Left(ILogger log, string server, string why, string next);

    [LoggerMessage(5051, LogLevel.Warning, "etcd: the watch was lost ({Why}); resuming after revision {Revision}")]
    public static partial void WatchLost(ILogger log, string why, long revision);

    [LoggerMessage(5052, LogLevel.Warning, "etcd: revision {Revision} has been compacted away; all objects are read anew")]
    public static partial void Reloading(ILogger log, long revision);

    [LoggerMessage(5053, LogLevel.Error, "etcd is away: {Why}. Writes are refused, reads answered from memory")]
    public static partial void Away(ILogger log, string why);

    [LoggerMessage(5054, LogLevel.Information, "etcd is back")]
    public static partial void Back(ILogger log);

    [LoggerMessage(5055, LogLevel.Warning, "etcd: history was not compacted: {Why}")]
    public static partial void NotCompacted(ILogger log, string why);

    [LoggerMessage(5056, LogLevel.Critical, "etcd: {Why}. Nothing is written any more; start this server again")]
    public static partial void Broken(ILogger log, string why);

    [LoggerMessage(5058, LogLevel.Warning, "etcd: the claim {Claim} is taken away, for {Owner} is not there")]
    public static partial void Orphaned(ILogger log, string claim, string owner);

    [LoggerMessage(5057, LogLevel.Debug, "etcd: compacted up to revision {Revision}")]
    public static partial void Compacted(ILogger log, long revision);
}
