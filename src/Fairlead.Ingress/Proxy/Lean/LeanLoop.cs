using System.Net;
using Fairlead.Ingress.Routes;
using Fairlead.Linux.Sockets.Loop;

namespace Fairlead.Ingress.Proxy.Lean;

/// <summary>One thread's share of the lean path: its connections, buffers and connections to pods, which no other thread touches.</summary>
internal sealed class LeanLoop : IDisposable
{
    private readonly HashSet<LeanConnection> _connections = [];
    private readonly Stack<Exchange> _exchanges = new();
    private int _count;

    internal LeanLoop(int number, LeanRules rules, Handover handover)
    {
        (Rules, Handover) = (rules, handover);
        Loop = new EventLoop($"ingress {number}", rules.Time, e => LeanLog.LoopFailed(rules.Log, e));
        Upstreams = new UpstreamPool(Loop);
        Loop.OnSweep(Upstreams.Sweep);
        Loop.Start();
    }

    internal EventLoop Loop { get; }
    internal LeanRules Rules { get; }
    internal Handover Handover { get; }
    internal UpstreamPool Upstreams { get; }
    internal BufferPool Buffers { get; } = new();
    internal TextCache<NamedAuthority> Authorities { get; } = new(text => new NamedAuthority(text, HostName.Of(text)));
    internal TextCache<RequestTarget?> Targets { get; } = new(RequestTarget.Parse);

    /// <summary>No more requests on the connections that are there.</summary>
    internal bool IsStopping { get; private set; }

    /// <summary>Connections. Any thread.</summary>
    internal int Count => Volatile.Read(ref _count);

    /// <summary>Serves a connection. Any thread.</summary>
    internal void Accept(int descriptor, IPEndPoint client, bool isTls)
    {
        Interlocked.Increment(ref _count);
        Loop.Post(() =>
        {
            var connection = new LeanConnection(this, LoopSocket.Adopt(Loop, descriptor), client.Address, isTls);
            _connections.Add(connection);
            _ = connection.RunAsync();
            if (IsStopping) connection.Stop();
        });
    }

    /// <summary>Idle connections end now, the others after the request that they are at. Any thread.</summary>
    internal void Stop() => Loop.Post(() =>
    {
        IsStopping = true;
        foreach (var connection in _connections.ToList()) connection.Stop();
    });

    public void Dispose() => Loop.Dispose();

    internal void Ended(LeanConnection connection)
    {
        if (_connections.Remove(connection)) Interlocked.Decrement(ref _count);
    }

    internal Exchange RentExchange() => _exchanges.TryPop(out var exchange) ? exchange : new Exchange();

    internal void Return(ref Exchange? exchange)
    {
        if (exchange is null) return;
        exchange.Clear();
        _exchanges.Push(exchange);
        exchange = null;
    }
}
