using System.Net;
using Fairlead.Dns;
using Fairlead.Dns.Forward;
using Fairlead.Dns.Hosts;
using Fairlead.Dns.Server;
using Fairlead.Dns.Wire;
using Fairlead.Dns.Zone;
using Fairlead.Kube;
using Fairlead.Unit.Dns.Forward;
using Fairlead.Unit.Dns.Zone;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Fairlead.Unit.Dns.Server;

/// <summary>From a message to its response, by every way that there is.</summary>
public sealed class QueryHandlerTests : IAsyncLifetime
{
    private readonly ScriptedServer _upstream = new((query, _) => [Known(query) ? ScriptedServer.Answer(query) : ScriptedServer.Answer(query, code: ResponseCode.NoSuchName)]);

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _upstream.DisposeAsync();

    [Fact]
    public async Task Answer_NameOfHosts_ComesBeforeOthers()
    {
        QueryHandler handler = Handler(new ServerBlockOptions
        {
            Hosts = new HostsOptions { Lines = ["192.0.2.9 db.example.com DB2.example.com.", "2001:db8::9 db.example.com # both", "nonsense", "192.0.2.10 web.default.svc.cluster.local"], TimeToLive = 60, Fallthrough = ["."] },
        });

        Assert.Contains("answer db.example.com. 60 A 192.0.2.9", await AskAsync(handler, "db.example.com"));
        Assert.Contains("answer db2.example.com. 60 A 192.0.2.9", await AskAsync(handler, "db2.example.com"));
        Assert.Equal(["NoError aa", "? db2.example.com. Aaaa"], await AskAsync(handler, "db2.example.com", RecordType.Aaaa));
        Assert.Contains("answer web.default.svc.cluster.local. 60 A 192.0.2.10", await AskAsync(handler, "web.default.svc.cluster.local"));
        Assert.Equal(2, (await AskAsync(handler, "9.2.0.192.in-addr.arpa", RecordType.Ptr)).Count(line => line.StartsWith("answer", StringComparison.Ordinal)));
        Assert.Contains("answer example.com. 60 A 192.0.2.1", await AskAsync(handler, "example.com"));
    }

    [Fact]
    public async Task Answer_HostsWithoutFallthrough_IsTheLastWord()
    {
        QueryHandler handler = Handler(new ServerBlockOptions { Hosts = new HostsOptions { Lines = ["192.0.2.9 a.corp"], Domains = ["corp"] } });

        Assert.Equal("NoSuchName aa", (await AskAsync(handler, "b.corp"))[0]);
        Assert.Equal("NoError", (await AskAsync(handler, "example.com"))[0]);
    }

    [Fact]
    public async Task Answer_SeveralBlocks_AreChosenByTheLongestDomain()
    {
        QueryHandler handler = Handler(
            new ServerBlockOptions { Domain = "cluster.local", Forward = [] },
            new ServerBlockOptions { Domain = "example.com", HasZone = false, Forward = [Rule()] });

        Assert.Equal("NoError aa", (await AskAsync(handler, "web.default.svc.cluster.local"))[0]);
        Assert.Equal("NoError", (await AskAsync(handler, "www.example.com"))[0]);
        Assert.Equal("Refused", (await AskAsync(handler, "example.org"))[0]);
    }

    [Fact]
    public async Task Answer_Autopath_FollowsThePodsSearchList()
    {
        QueryHandler handler = Handler(new ServerBlockOptions { Autopath = true, Forward = [Rule()] });

        string[] lines = await AskAsync(handler, "example.com.default.svc.cluster.local", client: "10.244.0.5");
        Assert.Equal("NoError aa", lines[0]);
        Assert.Contains("answer example.com.default.svc.cluster.local. 5 Cname example.com.", lines);
        Assert.Contains("answer example.com. 60 A 192.0.2.1", lines);

        Assert.Contains(
            "answer kube-dns.kube-system.default.svc.cluster.local. 5 Cname kube-dns.kube-system.svc.cluster.local.",
            await AskAsync(handler, "kube-dns.kube-system.default.svc.cluster.local", client: "10.244.0.5"));
    }

    [Theory]
    [InlineData("example.com.default.svc.cluster.local", "10.244.0.99", "a client that is no pod")]
    [InlineData("example.com.default.svc.cluster.local", "10.0.0.1", "pods with the node's address")]
    [InlineData("example.com.empty.svc.cluster.local", "10.244.0.5", "another namespace")]
    [InlineData("example.comdefault.svc.cluster.local", "10.244.0.5", "the end of a label")]
    [InlineData("nobody.example.default.svc.cluster.local", "10.244.0.5", "a name that exists nowhere")]
    public async Task Answer_AutopathThatCannotBeKnown_IsNoSuchName(string name, string client, string why)
    {
        QueryHandler handler = Handler(new ServerBlockOptions { Autopath = true, Forward = [Rule()] });

        string[] lines = await AskAsync(handler, name, client: client);
        Assert.True(lines[0] == "NoSuchName aa", $"{why}: {string.Join("; ", lines)}");
    }

    [Fact]
    public async Task Answer_ClientElsewhere_GetsLittleOverUdp()
    {
        QueryHandler handler = Handler(new ServerBlockOptions { Forward = [Rule()] });
        const string Elsewhere = "203.0.113.7";

        // ANY, and what is beyond the rate: an empty answer that asks for TCP, or nothing.
        Assert.Equal(["NoError tc", "? example.com. Any"], await AskAsync(handler, "example.com", RecordType.Any, Elsewhere));
        Assert.NotEqual("NoError tc", (await AskAsync(handler, "example.com", RecordType.Any, Elsewhere, udp: false))[0]);
        var heads = new List<string>();
        for (int i = 0; i < 8; i++)
        {
            heads.Add((await AskAsync(handler, "example.com", client: $"203.0.113.{i}"))[0]);
        }
        Assert.Equal(["NoError", "NoError", "NoError", "NoError", "", "NoError tc", "", "NoError tc"], heads);
        Assert.Equal("NoError", (await AskAsync(handler, "example.com", client: "203.0.114.7"))[0]);
        Assert.Equal("NoError", (await AskAsync(handler, "example.com", client: Elsewhere, udp: false))[0]);
        Assert.Equal("NoError", (await AskAsync(handler, "example.com", client: "198.51.100.1"))[0]);
        for (int i = 0; i < 20; i++)
        {
            Assert.Equal("NoError", (await AskAsync(handler, "example.com", client: "10.244.0.5"))[0]);
        }
        Assert.Equal(5, handler.Counters.Limited);
    }

    [Theory]
    [InlineData("10.1.2.3", true)]
    [InlineData("172.31.255.255", true)]
    [InlineData("172.32.0.0", false)]
    [InlineData("192.168.0.1", true)]
    [InlineData("127.0.0.1", true)]
    [InlineData("8.8.8.8", false)]
    [InlineData("::ffff:10.1.2.3", true)]
    [InlineData("::1", true)]
    [InlineData("fd12::1", true)]
    [InlineData("fe80::1", true)]
    [InlineData("2001:db8::1", false)]
    [InlineData("198.51.100.77", true)]
    public void IsInside_Address_IsTheClustersOrNot(string address, bool expected) =>
        Assert.Equal(expected, new ClientRule([IPNetwork.Parse("198.51.100.0/24")]).IsInside(Client(address, true)));

    [Fact]
    public async Task Answer_Log_IsALineAsCoreDnsHasIt()
    {
        var lines = new List<string>();
        QueryHandler handler = Handler(new Lines(lines), new ServerBlockOptions
        {
            Forward = [Rule()],
            Log = [new QueryLogOptions { Domains = ["example.com"], Classes = AnswerClasses.Denial }, new QueryLogOptions()],
        });
        await AskAsync(handler, "Web.default.svc.cluster.local");
        await AskAsync(handler, "example.com");
        await AskAsync(handler, "nobody.example.com", udp: false);

        Assert.Equal(2, lines.Count);
        Assert.Matches("^10.244.0.5:4242 - 4660 \"A IN web.default.svc.cluster.local. udp 47 false 512\" NOERROR qr,aa,rd,ra 63 0.\\d{6}s$", lines[0]);
        Assert.Matches("^10.244.0.5:4242 - 4660 \"A IN nobody.example.com. tcp 36 false 512\" NXDOMAIN qr,rd,ra 36 0.\\d{6}s$", lines[1]);
    }

    [Fact]
    public async Task TryAnswer_KnownNames_AllocateNothing()
    {
        QueryHandler handler = Handler(new ServerBlockOptions { Forward = [Rule()], Hosts = new HostsOptions { Lines = ["192.0.2.9 db.example.com"], Fallthrough = ["."] } });
        string[] names = ["example.com", "db.example.com", "web.default.svc.cluster.local", "nobody.default.svc.cluster.local", "pets.default.svc.cluster.local"];
        foreach (string name in names)
        {
            await AskAsync(handler, name);
        }
        byte[][] messages = [.. names.Select(name => Ask.Query(name, edns: 1232))];
        await AskAsync(handler, "example.com", edns: 1232);
        Assert.Equal(0, Allocated(handler, messages));
    }

    private static long Allocated(QueryHandler handler, byte[][] messages)
    {
        Client client = Client("10.244.0.5", true);
        var query = default(Query);
        Span<byte> response = stackalloc byte[1232];
        int written = 0;
        long before = 0;
        for (int round = 0; round < 101; round++)
        {
            before = round == 1 ? GC.GetAllocatedBytesForCurrentThread() : before;
            foreach (byte[] message in messages)
            {
                int length = handler.TryAnswer(ref query, message, client, response);
                written += length > 0 ? 1 : 0;
            }
        }
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(101 * messages.Length, written);
        return allocated;
    }

    private static bool Known(byte[] query) => query.AsSpan().IndexOf("nobody"u8) < 0;

    private ForwardRule Rule() => new() { Servers = [new UpstreamServer(_upstream.Address)] };

    private QueryHandler Handler(params ServerBlockOptions[] blocks) => Handler(NullLogger.Instance, blocks);

    private QueryHandler Handler(ILogger log, params ServerBlockOptions[] blocks)
    {
        ZoneSnapshot zone = ZoneCluster.Build()
            .WithPod(new ObjectKey("default", "pet-0"), null, new PodInfo(new([IPAddress.Parse("10.244.0.5")]), false))
            .WithPod(new ObjectKey("default", "host"), null, new PodInfo(new([IPAddress.Parse("10.0.0.1")]), true));
        var options = new ClusterDnsOptions { Blocks = [.. blocks.Select(block => block.Forward is [var only] && only == ForwardRule.OfNode ? block with { Forward = [Rule()] } : block)], OutsideRate = 4 };
        return new QueryHandler(new ServingHolder(new Serving(new ZoneHolder(zone), options, log, TimeProvider.System)), log, TimeProvider.System);
    }

    /// <summary>All at one moment, so that all count in one second.</summary>
    private static Client Client(string address, bool udp) =>
        Fairlead.Dns.Server.Client.From(new IPEndPoint(IPAddress.Parse(address), 4242), udp, s_start);

    private static readonly long s_start = TimeProvider.System.GetTimestamp();

    private static async Task<string[]> AskAsync(QueryHandler handler, string name, RecordType type = RecordType.A, string client = "10.244.0.5", bool udp = true, ushort? edns = null)
    {
        byte[] message = Ask.Query(name, type, edns: edns);
        Client who = Client(client, udp);
        byte[] response = new byte[1232];
        int length = Answer(handler, message, who, response);
        return length switch
        {
            QueryHandler.Later => Ask.Lines(await handler.AnswerAsync(message, who)),
            0 => [""],
            _ => Ask.Lines(response.AsSpan(0, length)),
        };
    }

    private static int Answer(QueryHandler handler, byte[] message, Client client, byte[] response)
    {
        var query = default(Query);
        return handler.TryAnswer(ref query, message, client, response);
    }

    private sealed class Lines(List<string> lines) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (lines)
            {
                lines.Add(formatter(state, exception));
            }
        }
    }
}
