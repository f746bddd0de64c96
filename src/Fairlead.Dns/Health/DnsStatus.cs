using Fairlead.Dns.Server;

namespace Fairlead.Dns.Health;

/// <summary>What the health server tells; written by the server, read by any thread.</summary>
public sealed class DnsStatus
{
    private readonly Lock _lock = new();
    private readonly List<QueryCounters> _handlers = [];
    private readonly QueryCounters _gone = new();
    private volatile bool _isSynced;
    private volatile bool _isStopping;
    private volatile string? _apiAway;

    /// <summary>Why questions should rather go elsewhere; null when there is no reason.</summary>
    public string? NotReady =>
        _isStopping ? "stopping" : !_isSynced ? "kubernetes: not every object has been read from the API server yet" : _apiAway is { } away ? $"kubernetes: {away}" : null;

    internal bool IsApiAway => _apiAway is not null;

    internal ServingHolder? Serving { get; set; }

    internal void SetReady() => _isSynced = true;

    internal void SetStopping() => _isStopping = true;

    /// <param name="away">What is wrong with the API server; null when nothing is.</param>
    internal void SetApi(string? away) => _apiAway = away;

    internal void Add(QueryCounters counters)
    {
        lock (_lock)
        {
            _handlers.Add(counters);
        }
    }

    /// <summary>A connection's counts outlive it.</summary>
    internal void Remove(QueryCounters counters)
    {
        lock (_lock)
        {
            if (_handlers.Remove(counters))
            {
                _gone.Add(counters);
            }
        }
    }

    internal QueryCounters Sum()
    {
        var sum = new QueryCounters();
        lock (_lock)
        {
            _handlers.ForEach(sum.Add);
            sum.Add(_gone);
        }
        return sum;
    }
}
