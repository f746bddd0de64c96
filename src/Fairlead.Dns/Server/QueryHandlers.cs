using Fairlead.Dns.Health;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Server;

/// <summary>Handlers, one for each thread or connection.</summary>
internal interface IQueryHandlers
{
    QueryHandler Open();

    void Close(QueryHandler handler);
}

/// <summary>Handlers of one server, counted together.</summary>
internal sealed class QueryHandlers(ServingHolder serving, DnsStatus status, ILogger log, TimeProvider time) : IQueryHandlers
{
    public QueryHandler Open()
    {
        var handler = new QueryHandler(serving, log, time);
        status.Add(handler.Counters);
        status.Add(handler.LaterCounters);
        return handler;
    }

    public void Close(QueryHandler handler)
    {
        status.Remove(handler.Counters);
        status.Remove(handler.LaterCounters);
    }
}
