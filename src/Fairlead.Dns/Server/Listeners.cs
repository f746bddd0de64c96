using System.Net;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Server;

/// <summary>The sockets of all addresses.</summary>
internal sealed class Listeners(IQueryHandlers handlers, ILogger log, TimeProvider time) : IAsyncDisposable
{
    private readonly List<UdpServer> _udp = [];
    private readonly List<TcpServer> _tcp = [];

    internal IReadOnlyList<IPEndPoint> Addresses => [.. _tcp.Select(server => server.Address)];

    /// <summary>Serves an address over UDP, by so many threads, and over TCP.</summary>
    internal void Open(IPEndPoint address, int workers)
    {
        TcpServer tcp = TcpServer.Open(address, handlers, new TcpLimits(), log, time);
        _tcp.Add(tcp);
        var udp = new List<UdpServer>();
        for (int i = 0; i < workers; i++)
        {
            udp.Add(UdpServer.Open(tcp.Address, handlers.Open(), log, time));
            _udp.Add(udp[i]);
        }
        udp.ForEach(server => server.Start());
        tcp.Start();
        ServerLog.Listening(log, tcp.Address);
    }

    public async ValueTask DisposeAsync()
    {
        _udp.ForEach(server => server.Dispose());
        foreach (TcpServer server in _tcp)
        {
            await server.DisposeAsync();
        }
    }
}
