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
        Assert.True(forwarder.Upstreams[0].IsDown);
        Assert.False(forwarder.Upstreams[1].IsDown);
    }

    [Fact]
    public async Task ResolveAsync_ServerThatWasDownAnswersAProbe_IsUp()
    {
        bool works = false;
        await using var server = new ScriptedServer((query, _) => works ? [ScriptedServer.Answer(query)] : []);
        using Forwarder forwarder = To(new ForwardRule(), new CacheOptions(), server.Address);
        // How often one question asks a silent server depends on how the clock and the sockets interleave.
        for (int i = 0; i < 10 && !forwarder.Upstreams[0].IsDown; i++)
        {
            Task<string[]> asked = LinesAsync(forwarder, $"name{i}.example");
            await UntilAsync(asked);
            Assert.Empty(await asked);
        }
        Assert.True(forwarder.Upstreams[0].IsDown);

        works = true;
        long start = TimeProvider.System.GetTimestamp();
        while (forwarder.Upstreams[0].IsDown && TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(10))
        {
            _time.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Yield();
        }
        Assert.False(forwarder.Upstreams[0].IsDown);
    }

    [Fact]
    public async Task ResolveAsync_SilentServer_HasTheNextAskedBesideIt()
    {
        await using var silent = new ScriptedServer((_, _) => []);
        await using var works = new ScriptedServer((query, _) => [ScriptedServer.Answer(query)]);
        using Forwarder forwarder = To(new ForwardRule { Policy = UpstreamPolicy.Sequential }, new CacheOptions(), silent.Address, works.Address);
        Task<string[]> asked = LinesAsync(forwarder, "example.com");
        Assert.False(asked.IsCompleted);

        _time.Advance(TimeSpan.FromMilliseconds(500));

        Assert.Contains("answer example.com. 60 A 192.0.2.1", await asked.WaitAsync(TimeSpan.FromSeconds(10)));
        Assert.False(forwarder.Upstreams[0].IsDown);
    }

    [Fact]
    public async Task TryWriteCached_WantedOftenAndNearItsEnd_IsAskedForAnew()
    {
        await using var server = new ScriptedServer((query, _) => [ScriptedServer.Answer(query, timeToLive: 20)]);
        using Forwarder forwarder = To(new ForwardRule(), new CacheOptions { PrefetchHits = 2 }, server.Address);
        await LinesAsync(forwarder, "example.com");
        Cached(forwarder);
        Assert.Equal(1, server.Asked);

        _time.Advance(TimeSpan.FromSeconds(18));
        Assert.Equal(2, Cached(forwarder));

        // Asked in the background; meanwhile the old answer is given, and nobody asks twice.
        await UntilAsync(() => server.Asked == 2);
        await UntilAsync(() => Cached(forwarder) == 20);
        Assert.Equal(2, server.Asked);
    }

    [Fact]
    public async Task ResolveAsync_SlowServerAndOldAnswer_GivesTheOldOneInTime()
    {
        bool works = true;
        await using var server = new ScriptedServer((query, _) => works ? [ScriptedServer.Answer(query, timeToLive: 5)] : []);
        using Forwarder forwarder = To(server.Address);
        await LinesAsync(forwarder, "example.com");
        works = false;
        _time.Advance(TimeSpan.FromSeconds(6));
        Task<string[]> asked = LinesAsync(forwarder, "example.com");
        Assert.False(asked.IsCompleted);

        _time.Advance(TimeSpan.FromSeconds(1.8));

        Assert.Contains("answer example.com. 30 A 192.0.2.1", await asked.WaitAsync(TimeSpan.FromSeconds(10)));
        Assert.Equal(1, forwarder.Counters.Stale);
    }

    [Theory]
    [InlineData(StalePolicy.AtOnce, "answer example.com. 30 A 192.0.2.1")]
    [InlineData(StalePolicy.WhenNobodyAnswers, "answer example.com. 5 A 192.0.2.1")]
    [InlineData(StalePolicy.Never, "answer example.com. 5 A 192.0.2.1")]
    public async Task ResolveAsync_OldAnswer_IsGivenAsThePolicySays(StalePolicy policy, string expected)
    {
        await using var server = new ScriptedServer((query, _) => [ScriptedServer.Answer(query, timeToLive: 5)]);
        using Forwarder forwarder = To(new ForwardRule(), new CacheOptions { Stale = policy }, server.Address);
        await LinesAsync(forwarder, "example.com");
        _time.Advance(TimeSpan.FromSeconds(6));

        Assert.Contains(expected, await LinesAsync(forwarder, "example.com"));
        await UntilAsync(() => server.Asked == 2);
    }

    [Fact]
    public async Task ResolveAsync_KeptAddresses_Rotate()
    {
        await using var server = new ScriptedServer((query, _) =>
        {
            byte[] one = ScriptedServer.Answer(query);
            byte[] record = one[^16..];
            return [[.. With(one, 7, 3), .. With([.. record], 15, 2), .. With([.. record], 15, 3)]];
        });
        using Forwarder forwarder = To(server.Address);
        var firsts = new List<string>();
        for (int i = 0; i < 3; i++)
        {
            string[] lines = await LinesAsync(forwarder, "example.com");
            Assert.Equal(["192.0.2.1", "192.0.2.2", "192.0.2.3"], lines[2..].Select(line => line.Split(' ')[^1]).Order());
            firsts.Add(lines[2].Split(' ')[^1]);
        }
        Assert.Equal(3, firsts.Distinct().Count());
        Assert.Equal(1, server.Asked);
    }

    [Fact]
    public async Task ResolveAsync_CacheSettings_BoundWhatIsKept()
    {
        await using var server = new ScriptedServer((query, _) => [ScriptedServer.Answer(query, timeToLive: 1)]);
        var cache = new CacheOptions { Least = TimeSpan.FromSeconds(10), Never = ["Never.example"] };
        using Forwarder forwarder = To(new ForwardRule(), cache, server.Address);
        await LinesAsync(forwarder, "kept.example");
        _time.Advance(TimeSpan.FromSeconds(9));
        await LinesAsync(forwarder, "kept.example");
        Assert.Equal(1, server.Asked);

        await LinesAsync(forwarder, "a.never.example");
        await LinesAsync(forwarder, "a.never.example");
        Assert.Equal(3, server.Asked);
        await LinesAsync(forwarder, "anever.example");
        await LinesAsync(forwarder, "anever.example");
        Assert.Equal(4, server.Asked);
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

    [Theory]
    [InlineData("search a.example b.example", "a.example b.example")]
    [InlineData("search a.example\ndomain b.example", "b.example")]
    [InlineData("search . a.example", "a.example")]
    [InlineData("nameserver 10.0.0.1", "")]
    public void Search_ResolverFile_IsItsLastList(string text, string expected) =>
        Assert.Equal(expected, string.Join(' ', ResolverFile.Search(text.Split('\n'))));

    /// <summary>The TTL of the kept answer; 0 when there is none.</summary>
    private static int Cached(Forwarder forwarder)
    {
        byte[] message = Ask.Query("example.com");
        var query = default(Query);
        query.Parse(message);
        byte[] response = new byte[512];
        int length = forwarder.TryWriteCached(query, message, response);
        return length == 0 ? 0 : int.Parse(Ask.Lines(response.AsSpan(0, length))[2].Split(' ')[2], global::System.Globalization.CultureInfo.InvariantCulture);
    }

    private static async Task UntilAsync(Func<bool> holds)
    {
        long start = TimeProvider.System.GetTimestamp();
        while (!holds())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(10), "the condition does not come to hold");
            await Task.Yield();
        }
    }

    /// <summary>Lets time pass until it is done.</summary>
    private Task UntilAsync(Task done) => UntilAsync(() =>
    {
        _time.Advance(TimeSpan.FromMilliseconds(50));
        return done.IsCompleted;
    });

    private Forwarder To(params IPEndPoint[] servers) => To(new ForwardRule(), new CacheOptions(), servers);

    private Forwarder To(ForwardRule rule, CacheOptions cache, params IPEndPoint[] servers) =>
        new(rule with { Servers = [.. servers.Select(server => new UpstreamServer(server))] }, cache, NullLogger.Instance, _time);

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
