using Fairlead.Dns.Forward;
using Fairlead.Dns.Health;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Server;

/// <summary>Handlers, one for each thread or connection.</summary>
internal interface IQueryHandlers
{
    QueryHandler Open();

    void Close(QueryHandler handler);
}

/// <summary>Handlers of one zone, counted together.</summary>
internal sealed class QueryHandlers(ZoneHolder zone, Forwarder forwarder, LoopProbe probe, DnsStatus status, ILogger log) : IQueryHandlers
{
    public QueryHandler Open()
    {
        var handler = new QueryHandler(zone, forwarder, probe, log);
        status.Add(handler.Counters);
        return handler;
    }

    public void Close(QueryHandler handler) => status.Remove(handler.Counters);
}
