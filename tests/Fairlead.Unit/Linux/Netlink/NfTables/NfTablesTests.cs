using System.Diagnostics;
using System.Net;
using Fairlead.Linux;
using Fairlead.Linux.Netlink.NfTables;
using Xunit;

namespace Fairlead.Unit.Linux.Netlink.NfTables;

/// <summary>Each case runs against the kernel and against the fake, which must agree.</summary>
public sealed class NfTablesTests : IDisposable
{
    private static readonly Table s_table = new(TableFamily.IPv4, "ut-table");

    private static readonly SetDefinition s_services = new()
    {
        Name = "service-ips",
        Key = [FieldType.IPv4Address, FieldType.Protocol, FieldType.Port],
        IsVerdictMap = true,
    };

    private static readonly SetDefinition s_endpoints = new()
    {
        Name = "endpoints",
        Key = [FieldType.IPv4Address, FieldType.Protocol, FieldType.Port, FieldType.Mark],
        Value = [FieldType.IPv4Address, FieldType.Port],
    };

    private static readonly SetDefinition s_affinity = new()
    {
        Name = "affinity",
        Key = [FieldType.IPv4Address, FieldType.IPv4Address, FieldType.Protocol, FieldType.Port],
        Value = [FieldType.IPv4Address, FieldType.Port],
        IsDynamic = true,
        HasTimeout = true,
        Size = 1000,
    };

    private readonly TestNamespace _network = new("nft");
    private readonly INfTables[] _both;

    public NfTablesTests() => _both = [KernelNfTables.Open(_network.Network), new FakeNfTables()];

    public void Dispose()
    {
        Array.ForEach(_both, tables => tables.Dispose());
        _network.Dispose();
    }

    private static SetElement Service(string address, int port, Verdict verdict) =>
        new(new FieldBuilder(s_services.Key).Address(IPAddress.Parse(address)).Protocol(6).Port(port).Build()) { Verdict = verdict };

    private static SetElement Endpoint(int index, string address) =>
        new(new FieldBuilder(s_endpoints.Key).Address(IPAddress.Parse("10.96.0.1")).Protocol(17).Port(53).Mark((uint)index).Build())
        {
            Value = new FieldBuilder(s_endpoints.Value).Address(IPAddress.Parse(address)).Port(8053).Build(),
        };

    private static Transaction Of(params Change[] changes)
    {
        var transaction = new Transaction(s_table);
        Array.ForEach(changes, transaction.Add);
        return transaction;
    }

    private static Change[] Base =>
    [
        new Change.AddTable(),
        new Change.AddChain(new Chain("pick-3")),
        new Change.AddSet(s_services),
        new Change.AddSet(s_endpoints),
        new Change.AddSet(s_affinity),
        new Change.AddElements(s_services, [Service("10.96.0.1", 80, Verdict.Goto("pick-3"))]),
        new Change.AddElements(s_endpoints, [Endpoint(0, "10.0.0.1"), Endpoint(1, "10.0.0.2")]),
        new Change.AddRule(new Rule("pick-3", [new TranslateByMap(TableFamily.IPv4, [Selector.Destination(TableFamily.IPv4), Selector.Protocol, Selector.DestinationPort, Selector.Random(3)], "endpoints")], "x")),
    ];

    /// <summary>name, the changes after <see cref="Base"/>, the errno and the place of the refused change and element.</summary>
    public static TheoryData<string, Change[], Errno, int, int> Cases => new()
    {
        { "the same again is taken", [.. Base[..7]], Errno.None, -1, -1 },
        { "rule in a missing chain", [new Change.AddRule(new Rule("none", [new Counter()]))], Errno.NoEntry, 0, -1 },
        { "rule with a missing map", [new Change.AddRule(new Rule("pick-3", [new VerdictLookup([Selector.Protocol], "none")]))], Errno.NoEntry, 0, -1 },
        { "rule to a missing chain", [new Change.AddRule(new Rule("pick-3", [new VerdictStatement(Verdict.Goto("none"))]))], Errno.NoEntry, 0, -1 },
        { "element to a missing chain", [new Change.AddElements(s_services, [Service("10.96.0.2", 80, Verdict.Goto("pick-3")), Service("10.96.0.3", 80, Verdict.Goto("pick-4"))])], Errno.NoEntry, 0, 1 },
        { "element in a missing set", [new Change.AddElements(s_services with { Name = "none" }, [Service("10.96.0.2", 80, Verdict.Goto("pick-3"))])], Errno.NoEntry, 0, -1 },
        { "element with another value", [new Change.AddElements(s_endpoints, [Endpoint(2, "10.0.0.3"), Endpoint(1, "10.0.0.9")])], Errno.Exists, 0, 1 },
        { "verdict replaced without deletion", [new Change.AddChain(new Chain("pick-2")), new Change.AddElements(s_services, [Service("10.96.0.1", 80, Verdict.Goto("pick-2"))])], Errno.Exists, 1, 0 },
        { "element replaced", [new Change.DeleteElements(s_endpoints, [Endpoint(1, "10.0.0.2")]), new Change.AddElements(s_endpoints, [Endpoint(1, "10.0.0.9")])], Errno.None, -1, -1 },
        { "missing element deleted", [new Change.DeleteElements(s_endpoints, [Endpoint(0, "10.0.0.1"), Endpoint(7, "10.0.0.1")])], Errno.NoEntry, 0, 1 },
        { "chain still referenced", [new Change.FlushChain("pick-3"), new Change.DeleteChain("pick-3")], Errno.Busy, 1, -1 },
        { "chain after its reference", [new Change.DeleteElements(s_services, [Service("10.96.0.1", 80, default)]), new Change.FlushChain("pick-3"), new Change.DeleteChain("pick-3")], Errno.None, -1, -1 },
        { "missing chain deleted", [new Change.DeleteChain("none")], Errno.NoEntry, 0, -1 },
        { "missing chain flushed", [new Change.FlushChain("none")], Errno.NoEntry, 0, -1 },
        { "set still used", [new Change.DeleteSet("endpoints")], Errno.Busy, 0, -1 },
        { "unused set deleted", [new Change.DeleteSet("affinity")], Errno.None, -1, -1 },
        { "missing set deleted", [new Change.DeleteSet("none")], Errno.NoEntry, 0, -1 },
        { "set of another shape", [new Change.AddSet(s_endpoints with { Value = [FieldType.IPv4Address] })], Errno.Exists, 0, -1 },
        { "a late refusal takes all back", [new Change.AddChain(new Chain("new")), new Change.AddElements(s_endpoints, [Endpoint(5, "10.0.0.5")]), new Change.DeleteChain("none")], Errno.NoEntry, 2, -1 },
        { "table deleted", [new Change.DeleteTable()], Errno.None, -1, -1 },
    };

    [Theory]
    [MemberData(nameof(Cases), DisableDiscoveryEnumeration = true)]
    public void Commit_FakeAndKernel_Agree(string name, Change[] changes, Errno errno, int place, int element)
    {
        Assert.NotEmpty(name);
        foreach (INfTables tables in _both)
        {
            Assert.Null(tables.Commit(Of(Base)));
            uint generation = tables.ReadGeneration();
            Transaction transaction = Of(changes);
            Refusal? refusal = tables.Commit(transaction);
            Assert.Equal(errno, refusal?.Errno ?? Errno.None);
            Assert.Equal(refusal is null ? generation + 1 : generation, tables.ReadGeneration());
            if (refusal is not null)
            {
                Assert.Same(transaction.Changes[place], refusal.Change);
                Assert.Equal(element, refusal.Element);
            }
        }
        Assert.Equal(Dump(_both[1]), Dump(_both[0]));
    }

    [Fact]
    public void Commit_TableMissing_IsRefused()
    {
        foreach (INfTables tables in _both)
        {
            Assert.Equal(Errno.NoEntry, tables.Commit(Of(new Change.AddChain(new Chain("a"))))!.Errno);
            Assert.Null(tables.Read(s_table));
        }
    }

    [Fact]
    public void Read_AfterCommit_GivesBackWhatWasWritten()
    {
        INfTables kernel = _both[0];
        Assert.Null(kernel.Commit(Of(Base)));
        Assert.Null(kernel.Commit(Of(new Change.AddChain(new Chain("hooked", new BaseHook(ChainType.Nat, HookPoint.PreRouting, -100))))));
        TableContent content = kernel.Read(s_table)!;
        Assert.Equal(s_services, content.Sets["service-ips"]);
        Assert.Equal(s_endpoints, content.Sets["endpoints"]);
        Assert.Equal(s_affinity, content.Sets["affinity"]);
        Assert.Equal(["x"], content.Chains["pick-3"].RuleComments);
        Assert.Equal(new BaseHook(ChainType.Nat, HookPoint.PreRouting, -100), content.Chains["hooked"].Chain.Hook);
    }

    [Fact]
    public void Commit_FiftyThousandElements_IsOneTransaction()
    {
        INfTables kernel = _both[0];
        SetElement[] elements = [.. Enumerable.Range(0, 50_000).Select(index => Endpoint(index, "10.0.0.1"))];
        Assert.Null(kernel.Commit(Of(new Change.AddTable(), new Change.AddSet(s_endpoints), new Change.AddElements(s_endpoints, elements))));
        Assert.Equal(50_000, kernel.ReadElements(s_table, s_endpoints).Count);
        SetElement wrong = Endpoint(49_999, "10.0.0.2");
        Refusal refusal = kernel.Commit(Of(new Change.AddElements(s_endpoints, [.. elements[..49_999], wrong])))!;
        Assert.Equal(49_999, refusal.Element);
    }

    [Fact]
    public void ToString_AllStatements_IsWhatNftListsOfThem()
    {
        TableFamily family = TableFamily.IPv4;
        Statement[][] rules =
        [
            [Match.Protocol(6), new Reject(family, Reset: true)],
            [new Reject(family, Reset: false)],
            [new MatchNetwork(Selector.Source(family), IPNetwork.Parse("10.244.0.0/16"), Not: true), new MatchBits(Selector.FlowStatus, MatchBits.Translated), new VerdictStatement(new Verdict(VerdictCode.Return))],
            [new MatchSet([Selector.OriginalDestination(family)], "addresses"), new VerdictStatement(new Verdict(VerdictCode.Accept))],
            [Match.LocalDestination, new SetMark(0x4000), new Counter()],
            [new MatchBits(Selector.Mark, 0x4000), new VerdictStatement(Verdict.Jump("other"))],
        ];
        // A nat chain of its own: the kernel refuses (EOPNOTSUPP) what leads from a filter chain to a translation.
        var lookup = new Rule("nat", [new VerdictLookup([Selector.Destination(family), Selector.Protocol, Selector.DestinationPort], "service-ips")]);
        Transaction transaction = Of(
            [.. Base[..7], new Change.AddSet(new SetDefinition { Name = "addresses", Key = [FieldType.IPv4Address] }), new Change.AddChain(new Chain("other")),
            new Change.AddChain(new Chain("nat", new BaseHook(ChainType.Nat, HookPoint.Output, -100))), new Change.AddRule(lookup), new Change.AddChain(new Chain("mixed", new BaseHook(ChainType.Filter, HookPoint.Forward, 0))), .. rules.Select(rule => new Change.AddRule(new Rule("mixed", rule)))]);
        Assert.Null(_both[0].Commit(transaction));
        string ours = Nft("list table ip ut-table");
        Assert.Null(_both[0].Commit(Of(new Change.DeleteTable())));
        Nft(transaction.ToString());
        Assert.Equal(Nft("list table ip ut-table"), ours);
    }

    private string Nft(string input) => _network.Network.Run(() =>
    {
        using Process nft = Process.Start(new ProcessStartInfo("nft", ["-f", "-"]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
        nft.StandardInput.Write(input);
        nft.StandardInput.Close();
        string output = nft.StandardOutput.ReadToEnd();
        Assert.Equal("", nft.StandardError.ReadToEnd());
        return output;
    });

    private static string Dump(INfTables tables)
    {
        if (tables.Read(s_table) is not { } content)
        {
            return "none";
        }
        IEnumerable<string> chains = content.Chains.Values.Select(chain => $"{chain.Chain} {string.Join(',', chain.RuleComments)}");
        IEnumerable<string> sets = content.Sets.Values.SelectMany(set => tables.ReadElements(s_table, set).Select(element => $"{set.Name} {element.ToText(set)}"));
        return string.Join('\n', chains.Concat(content.Sets.Keys).Concat(sets).Order(StringComparer.Ordinal));
    }
}
