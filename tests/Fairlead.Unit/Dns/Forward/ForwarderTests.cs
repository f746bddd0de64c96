using System.Net;
using Fairlead.Dns.Forward;
using Fairlead.Dns.Wire;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Fairlead.Unit.Dns.Forward;

public sealed class ForwarderTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task ResolveAsync_Again_IsAnsweredFromTheCacheWithWhatIsLeftOfTheTtl()
    {
        await using var server = new ScriptedServer((query, _) => [ScriptedServer.Answer(query, timeToLive: 20)]);
        Forwarder forwarder = To(server.Address);

        Assert.Contains("answer example.com. 20 A 192.0.2.1", await LinesAsync(forwarder, "example.com"));
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(["NoError", "? EXAMPLE.com. A", "answer EXAMPLE.com. 15 A 192.0.2.1"], await LinesAsync(forwarder, "EXAMPLE.com"));
        Assert.Equal(1, server.Asked);
        _time.Advance(TimeSpan.FromSeconds(15));
        await LinesAsync(forwarder, "example.com");
        Assert.Equal(2, server.Asked);
    }

    [Fact]
    public async Task ResolveAsync_LongTtl_IsKeptForThirtySeconds()
    {
        await using var server = new ScriptedServer((query, _) => [ScriptedServer.Answer(query, timeToLive: 3600)]);
        Forwarder forwarder = To(server.Address);
        await LinesAsync(forwarder, "example.com");
        _time.Advance(TimeSpan.FromSeconds(29));
        await LinesAsync(forwarder, "example.com");
        Assert.Equal(1, server.Asked);
        _time.Advance(TimeSpan.FromSeconds(2));
        await LinesAsync(forwarder, "example.com");
        Assert.Equal(2, server.Asked);
    }

    [Fact]
    public async Task ResolveAsync_ForgedAnswers_AreIgnored()
    {
        await using var server = new ScriptedServer((query, _) =>
        [
            [], [1], [.. query], // nothing, too little, the query itself
            With(ScriptedServer.Answer(query, "203.0.113.1"), 0, (byte)(query[0] + 1)), // another id
            With(ScriptedServer.Answer(query, "203.0.113.1"), 13, (byte)'x'), // another name
            With(ScriptedServer.Answer(query, "203.0.113.1"), ScriptedServer.QuestionEnd(query) - 3, 28), // another type
            ScriptedServer.Answer(query),
        ]);

        Assert.Contains("answer example.com. 30 A 192.0.2.1", await LinesAsync(To(server.Address), "example.com", 30));
    }

    [Fact]
    public async Task ResolveAsync_Truncated_AsksAgainOverTcp()
    {
        await using var server = new ScriptedServer((query, tcp) => [ScriptedServer.Answer(query, truncated: !tcp)]);

        Assert.Contains("answer example.com. 60 A 192.0.2.1", await LinesAsync(To(server.Address), "example.com"));
    }

    [Fact]
    public async Task ResolveAsync_FirstServerFails_AsksTheNextAndThenLeavesTheFirstAlone()
    {
        await using var broken = new ScriptedServer((query, _) => [ScriptedServer.Answer(query, code: ResponseCode.ServerFailure)]);
        await using var works = new ScriptedServer((query, _) => [ScriptedServer.Answer(query)]);
        Forwarder forwarder = To(Closed(), broken.Address, works.Address);

        for (int i = 0; i < 12; i++)
        {
            Assert.Contains($"answer name{i}.example. 60 A 192.0.2.1", await LinesAsync(forwarder, $"name{i}.example"));
        }
        Assert.Equal(12, works.Asked);
        Assert.True(forwarder.Upstreams[0].IsResting);
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.False(forwarder.Upstreams[0].IsResting);
    }

    [Fact]
    public async Task ResolveAsync_NobodyAnswers_IsNullOrWhatWasKept()
    {
        bool works = true;
        await using var server = new ScriptedServer((query, _) => [works ? ScriptedServer.Answer(query, timeToLive: 5) : ScriptedServer.Answer(query, code: ResponseCode.Refused)]);
        Forwarder forwarder = To(server.Address);
        await LinesAsync(forwarder, "example.com");
        works = false;
        _time.Advance(TimeSpan.FromSeconds(60));

        // RFC 8767: better old than nothing, for 30 seconds at a time.
        Assert.Contains("answer example.com. 30 A 192.0.2.1", await LinesAsync(forwarder, "example.com"));
        Assert.Equal("Refused", (await LinesAsync(forwarder, "other.example"))[0]);
        Assert.Empty(await LinesAsync(To(Closed()), "example.com"));
        Assert.Empty(await LinesAsync(To(), "example.com"));
    }

    [Fact]
    public async Task ResolveAsync_ManyAskTheSame_IsOneQuestion()
    {
        using var gate = new ManualResetEventSlim();
        await using var server = new ScriptedServer((query, _) =>
        {
            gate.Wait();
            return [ScriptedServer.Answer(query)];
        });
        Forwarder forwarder = To(server.Address);
        Task<string[]>[] all = [.. Enumerable.Range(0, 20).Select(_ => LinesAsync(forwarder, "example.com"))];
        gate.Set();

        foreach (string[] lines in await Task.WhenAll(all))
        {
            Assert.Contains("answer example.com. 60 A 192.0.2.1", lines);
        }
        Assert.Equal(1, server.Asked);
    }

    [Fact]
    public async Task ResolveAsync_NegativeAnswer_IsKeptForTheSoasMinimum()
    {
        byte[] soa = [0, 0, 6, 0, 1, 0, 0, 14, 16, 0, 22, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 7];
        await using var server = new ScriptedServer((query, _) => [[.. With(ScriptedServer.Answer(query, code: ResponseCode.NoSuchName), 9, 1), .. soa]]);
        Forwarder forwarder = To(server.Address);
        Assert.Equal("NoSuchName", (await LinesAsync(forwarder, "nobody.example"))[0]);
        _time.Advance(TimeSpan.FromSeconds(6));
        Assert.Equal("NoSuchName", (await LinesAsync(forwarder, "nobody.example"))[0]);
        Assert.Equal(1, server.Asked);
        _time.Advance(TimeSpan.FromSeconds(2));
        await LinesAsync(forwarder, "nobody.example");
        Assert.Equal(2, server.Asked);
    }

    [Fact]
    public async Task TryWriteCached_Known_AllocatesNothing()
    {
        await using var server = new ScriptedServer((query, _) => [ScriptedServer.Answer(query)]);
        Forwarder forwarder = To(server.Address);
        await LinesAsync(forwarder, "example.com");
        byte[] message = Ask.Query("example.com");
        byte[] response = new byte[512];
        Assert.Equal(0, Allocated());

        long Allocated()
        {
            var query = default(Query);
            query.Parse(message);
            forwarder.TryWriteCached(query, message, response);
            long before = GC.GetAllocatedBytesForCurrentThread();
            int written = 0;
            for (int i = 0; i < 100; i++)
            {
                written += forwarder.TryWriteCached(query, message, response);
            }
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(written > 0);
            return allocated;
        }
    }

    [Fact]
    public void Parse_ResolverFile_GivesItsServers() => Assert.Equal(
        ["10.0.0.1:53", "[fd00::1]:53"],
        ResolverFile.Parse(["# a comment", "nameserver 10.0.0.1", "search example.com", "nameserver\tfd00::1 # two", "nameserver nonsense"]).Select(server => server.ToString()));

    private Forwarder To(params IPEndPoint[] servers) => new(new ForwardOptions { Upstreams = servers }, NullLogger.Instance, _time);

    private static async Task<string[]> LinesAsync(Forwarder forwarder, string name, uint? lessThan = null)
    {
        byte[] message = Ask.Query(name);
        var query = default(Query);
        query.Parse(message);
        CachedResponse? found = await forwarder.ResolveAsync(query, message);
        byte[] response = new byte[512];
        string[] lines = found is null ? [] : Ask.Lines(response.AsSpan(0, found.WriteTo(query, message, forwarder.AgeOf(found), response)));
        return lessThan is null ? lines : [.. lines.Select(line => line.Replace(" 60 ", $" {lessThan} ", StringComparison.Ordinal))];
    }

    private static IPEndPoint Closed()
    {
        using var socket = new global::System.Net.Sockets.Socket(
            global::System.Net.Sockets.AddressFamily.InterNetwork, global::System.Net.Sockets.SocketType.Dgram, global::System.Net.Sockets.ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return (IPEndPoint)socket.LocalEndPoint!;
    }

    private static byte[] With(byte[] message, int at, byte value)
    {
        message[at] = value;
        return message;
    }
}
