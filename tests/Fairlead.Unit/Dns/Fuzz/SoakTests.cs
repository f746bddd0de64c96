using System.Net;
using System.Net.Sockets;
using Fairlead.Dns;
using Fairlead.Dns.Forward;
using Fairlead.Dns.Health;
using Fairlead.Dns.Server;
using Fairlead.Dns.Wire;
using Fairlead.Dns.Zone;
using Fairlead.Unit.Dns.Forward;
using Fairlead.Unit.Dns.Zone;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Fairlead.Unit.Dns.Fuzz;

/// <summary>A server that gets anything, over both transports, and ordinary questions in between.</summary>
public sealed class SoakTests
{
    private const int Packets = 20_000;
    private const int Connections = 200;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Server_RandomPackets_GoesOnAnswering()
    {
        var faults = new Faults();
        await using var upstream = new ScriptedServer((query, _) => [ScriptedServer.Answer(query)]);
        var block = new ServerBlockOptions { Forward = [new ForwardRule { Servers = [new UpstreamServer(upstream.Address)], AttemptTimeout = TimeSpan.FromMilliseconds(100) }] };
        using var serving = new Serving(new ZoneHolder(ZoneCluster.Zone), new ClusterDnsOptions { Blocks = [block] }, faults, TimeProvider.System);
        await using var listeners = new Listeners(new QueryHandlers(new ServingHolder(serving), new DnsStatus(), faults, TimeProvider.System), faults, TimeProvider.System);
        listeners.Open(new IPEndPoint(Loopback.Next(), 0), workers: 2);
        IPEndPoint address = listeners.Addresses[0];
        var mutator = new Mutator([.. Corpus.Read().Select(entry => entry.Message)], 11);
        var random = new Random(13);
        using var stop = new CancellationTokenSource(s_patience);
        using var noise = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        noise.Connect(address);
        for (int i = 0; i < Packets; i++)
        {
            noise.Send(i % 2 == 0 ? mutator.Next() : Bytes(random));
            if (i % 1000 == 0)
            {
                await AskAsync(address, stop.Token);
            }
        }
        for (int i = 0; i < Connections; i++)
        {
            await DisturbAsync(address, i % 2 == 0 ? Framed(mutator.Next()) : Bytes(random), stop.Token);
        }
        await AskAsync(address, stop.Token);
        await AskOverTcpAsync(address, stop.Token);
        Assert.Empty(faults.Lines);
    }

    private static byte[] Bytes(Random random)
    {
        byte[] bytes = new byte[random.Next(0, 1400)];
        random.NextBytes(bytes);
        return bytes;
    }

    private static byte[] Framed(byte[] message) => [(byte)(message.Length >> 8), (byte)message.Length, .. message];

    /// <summary>Until an answer comes: the noise may have filled the server's buffer, and a datagram is no promise.</summary>
    private static async Task AskAsync(IPEndPoint address, CancellationToken stop)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        await socket.ConnectAsync(address, stop);
        byte[] buffer = new byte[1232];
        while (true)
        {
            await socket.SendAsync(Ask.Query("web.default.svc.cluster.local"), stop);
            using var soon = CancellationTokenSource.CreateLinkedTokenSource(stop);
            soon.CancelAfter(TimeSpan.FromMilliseconds(500));
            try
            {
                int length = await socket.ReceiveAsync(buffer, soon.Token);
                Assert.Contains("answer web.default.svc.cluster.local. 5 A 10.96.0.20", Ask.Lines(buffer.AsSpan(0, length)));
                return;
            }
            catch (OperationCanceledException) when (!stop.IsCancellationRequested)
            {
                // Once more.
            }
        }
    }

    private static async Task DisturbAsync(IPEndPoint address, byte[] bytes, CancellationToken stop)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(address, stop);
        await client.GetStream().WriteAsync(bytes, stop);
    }

    private static async Task AskOverTcpAsync(IPEndPoint address, CancellationToken stop)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(address, stop);
        NetworkStream stream = client.GetStream();
        await stream.WriteAsync(Framed(Ask.Query("web.default.svc.cluster.local")), stop);
        byte[] head = new byte[2];
        await stream.ReadExactlyAsync(head, stop);
        byte[] response = new byte[head[0] << 8 | head[1]];
        await stream.ReadExactlyAsync(response, stop);
        Assert.Contains("answer web.default.svc.cluster.local. 5 A 10.96.0.20", Ask.Lines(response));
    }

    private sealed class Faults : ILogger
    {
        internal List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                lock (Lines)
                {
                    Lines.Add($"{formatter(state, exception)}: {exception}");
                }
            }
        }
    }
}
