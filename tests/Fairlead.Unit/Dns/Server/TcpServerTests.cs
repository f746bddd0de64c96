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
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Fairlead.Unit.Dns.Server;

/// <summary>Connections (RFC 7766): how long they may be silent, how much may be asked at once.</summary>
public sealed class TcpServerTests : IAsyncLifetime
{
    private const string Ours = "web.default.svc.cluster.local", Slow = "slow.example";
    private readonly CancellationTokenSource _patience = new(TimeSpan.FromSeconds(20));
    private readonly FakeTimeProvider _time = new();
    private readonly ManualResetEventSlim _release = new();
    private readonly ScriptedServer _upstream;
    private readonly Serving _serving;
    private TcpServer _server = null!;

    public TcpServerTests()
    {
        _upstream = new ScriptedServer((query, _) =>
        {
            _release.Wait(_patience.Token);
            return [ScriptedServer.Answer(query)];
        });
        var block = new ServerBlockOptions { Forward = [new ForwardRule { Servers = [new UpstreamServer(_upstream.Address)] }] };
        _serving = new Serving(new ZoneHolder(ZoneCluster.Zone), new ClusterDnsOptions { Blocks = [block] }, NullLogger.Instance, _time);
    }

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        _release.Set();
        await _server.DisposeAsync();
        _serving.Dispose();
        await _upstream.DisposeAsync();
        _release.Dispose();
        _patience.Dispose();
    }

    [Fact]
    public async Task Serve_NothingAskedForTenSeconds_Closes()
    {
        Start(new TcpLimits());
        using TcpClient client = await ConnectAsync();
        await AskAsync(client, 1, Ours);
        Assert.Equal(1, await AnswerAsync(client));

        // A question begins the time anew.
        _time.Advance(TimeSpan.FromSeconds(9));
        await AskAsync(client, 2, Ours);
        Assert.Equal(2, await AnswerAsync(client));
        _time.Advance(TimeSpan.FromSeconds(9));
        await AskAsync(client, 3, Ours);
        Assert.Equal(3, await AnswerAsync(client));
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Null(await AnswerAsync(client));
    }

    [Fact]
    public async Task Serve_HalfAQuestion_DoesNotCountAsOne()
    {
        Start(new TcpLimits());
        using TcpClient client = await ConnectAsync();
        await AskAsync(client, 1, Ours);
        Assert.Equal(1, await AnswerAsync(client));

        _time.Advance(TimeSpan.FromSeconds(9));
        await client.GetStream().WriteAsync(new byte[] { 0, 40, 7 }, _patience.Token);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(await AnswerAsync(client));
    }

    [Fact]
    public async Task Serve_QuestionsBehindASlowOne_AreNotHeldUp()
    {
        Start(new TcpLimits());
        using TcpClient client = await ConnectAsync();
        await AskAsync(client, 100, Slow);
        for (ushort id = 1; id <= 50; id++)
        {
            await AskAsync(client, id, Ours);
        }
        for (ushort id = 1; id <= 50; id++)
        {
            Assert.Equal(id, await AnswerAsync(client));
        }
        _release.Set();
        Assert.Equal(100, await AnswerAsync(client));
    }

    [Fact]
    public async Task Serve_MoreUnderWayThanAllowed_ReadsOnWhenOneIsAnswered()
    {
        Start(new TcpLimits { Pipelined = 2 });
        using TcpClient client = await ConnectAsync();
        await AskAsync(client, 1, Slow);
        await AskAsync(client, 2, "slower.example");
        await AskAsync(client, 3, Ours);
        _release.Set();

        int?[] ids = [await AnswerAsync(client), await AnswerAsync(client), await AnswerAsync(client)];
        Assert.NotEqual(3, ids[0]);
        Assert.Equal([1, 2, 3], ids.Order());
    }

    [Fact]
    public async Task Serve_MoreConnectionsThanAllowed_ClosesTheNext()
    {
        Start(new TcpLimits { Connections = 1 });
        using TcpClient first = await ConnectAsync();
        await AskAsync(first, 1, Ours);
        Assert.Equal(1, await AnswerAsync(first));

        using TcpClient second = await ConnectAsync();
        Assert.Null(await AnswerAsync(second));
        await AskAsync(first, 2, Ours);
        Assert.Equal(2, await AnswerAsync(first));
    }

    private void Start(TcpLimits limits)
    {
        var handlers = new QueryHandlers(new ServingHolder(_serving), new DnsStatus(), NullLogger.Instance, _time);
        _server = TcpServer.Open(new IPEndPoint(Loopback.Next(), 0), handlers, limits, NullLogger.Instance, _time);
        _server.Start();
    }

    private async Task<TcpClient> ConnectAsync()
    {
        var client = new TcpClient();
        await client.ConnectAsync(_server.Address, _patience.Token);
        return client;
    }

    private async Task AskAsync(TcpClient client, ushort id, string name)
    {
        byte[] query = Ask.Query(name, id: id);
        await client.GetStream().WriteAsync((byte[])[(byte)(query.Length >> 8), (byte)query.Length, .. query], _patience.Token);
    }

    /// <summary>The id of the next answer, which has a record; null when the server has closed.</summary>
    private async Task<int?> AnswerAsync(TcpClient client)
    {
        NetworkStream stream = client.GetStream();
        byte[] head = new byte[2];
        try
        {
            if (await stream.ReadAtLeastAsync(head, 2, throwOnEndOfStream: false, _patience.Token) < 2)
            {
                return null;
            }
        }
        catch (IOException)
        {
            // Reset, because something of ours was not read any more.
            return null;
        }
        byte[] response = new byte[head[0] << 8 | head[1]];
        await stream.ReadExactlyAsync(response, _patience.Token);
        Assert.Contains(Ask.Lines(response), line => line.StartsWith("answer ", StringComparison.Ordinal));
        return response[0] << 8 | response[1];
    }
}
