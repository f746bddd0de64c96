using System.Net;
using CsCheck;
using Fairlead.Kube;
using Fairlead.Linux;
using Fairlead.Linux.Netlink.NfTables;
using Fairlead.Proxy.Apply;
using Fairlead.Proxy.Plan;
using Fairlead.Unit.Linux;
using Fairlead.Unit.Linux.Netlink.NfTables;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Fairlead.Unit.Proxy.Apply;

public sealed class TableSyncTests
{
    private static readonly ProxyTable s_layout = new(TableFamily.IPv4, new Fairlead.Proxy.ServiceProxyOptions { NodeName = "node" });

    private sealed record Step(int Service, int Port, bool Gone, int Affinity, int NodePort, int[] Targets);

    private static readonly Gen<Step[]> s_steps = Gen.Select(
        Gen.Int[0, 5], Gen.Int[0, 2], Gen.Int[0, 4], Gen.Int[0, 3], Gen.Int[0, 2], Gen.Int[1, 6].HashSet[0, 5],
        (service, port, gone, affinity, nodePort, targets) => new Step(service, port, gone == 0, affinity == 0 ? 60 : 0, nodePort == 0 ? 30000 + service : 0, [.. targets.Order()]))
        .Array[1, 12];

    private static ServiceRules? Rules(Step step) => step.Gone ? null : new ServiceRules(
        new([Address(step.Service)]),
        new([.. Enumerable.Range(0, step.Port + 1).SelectMany(port => Ways(step, port))]));

    private static IEnumerable<PortRules> Ways(Step step, int port)
    {
        var targets = new EquatableArray<Target>([.. step.Targets.Select(target => new Target(IPAddress.Parse($"10.244.0.{target}"), 8080, target < 3))]);
        byte protocol = port == 0 ? (byte)6 : (byte)17;
        yield return new PortRules(Reach.ClusterAddress, Address(step.Service), protocol, (ushort)(80 + port), (uint)step.Affinity, targets);
        if (port == 0 && step.NodePort != 0)
        {
            yield return new PortRules(Reach.NodePort, IPAddress.Any, protocol, (ushort)step.NodePort, (uint)step.Affinity, targets)
            {
                LocalTargets = step.Service % 2 == 0 ? null : new([.. targets.Where(target => target.IsLocal)]),
            };
        }
    }

    private static IPAddress Address(int service) => IPAddress.Parse($"10.96.0.{service + 1}");

    private static TableSync Sync(INfTables tables) => new(s_layout, new TrackedTables(tables), NullLogger.Instance);

    private static void Update(TableSync sync, Step step) =>
        sync.Update([KeyValuePair.Create(new ObjectKey("ns", $"{step.Service}"), Rules(step))], static (_, _) => { });

    [Fact]
    public void Update_AnyChanges_LeaveWhatAFreshPlanMakes() => s_steps.Sample(
        steps =>
        {
            using var changed = new FakeNfTables();
            CheckAgainstFresh(steps, changed);
        },
        iter: 300);

    [Fact]
    public void Update_AnyChanges_KernelTakesThemAndHoldsTheSame()
    {
        using var network = new TestNamespace("property");
        using KernelNfTables kernel = KernelNfTables.Open(network.Network);
        s_steps.Sample(
            steps =>
            {
                CheckAgainstFresh(steps, kernel);
                ProxyKernel.Cleanup(kernel);
            },
            iter: 40,
            threads: 1);
    }

    private static void CheckAgainstFresh(Step[] steps, INfTables tables)
    {
        TableSync sync = Sync(tables);
        foreach (Step step in steps)
        {
            Update(sync, step);
        }
        using var fresh = new FakeNfTables();
        TableSync fromNothing = Sync(fresh);
        fromNothing.Update(
            steps.GroupBy(step => step.Service).Select(group => KeyValuePair.Create(new ObjectKey("ns", $"{group.Key}"), Rules(group.Last()))),
            static (_, _) => { });
        fromNothing.Mend();
        Assert.Equal(Dump(fresh), Dump(tables));
        Assert.False(sync.Mend());
    }

    [Fact]
    public void Update_OneEndpointOfManyServices_NamesItsElementsOnly()
    {
        using var tables = new FakeNfTables();
        TableSync sync = Sync(tables);
        ServiceRules Of(int service, params int[] targets) => new(
            new([Big(service)]),
            new([new PortRules(Reach.ClusterAddress, Big(service), 6, 80, 0, new([.. targets.Select(target => new Target(IPAddress.Parse($"10.244.0.{target}"), 80, false))]))]));
        sync.Update(Enumerable.Range(0, 2000).Select(service => KeyValuePair.Create(new ObjectKey("ns", $"{service}"), (ServiceRules?)Of(service, 1, 2, 3, 4, 5))), static (_, _) => { });
        sync.Update([KeyValuePair.Create(new ObjectKey("ns", "7"), (ServiceRules?)Of(7, 1, 2, 3, 4))], static (_, _) => { });
        // The chain with four, the fifth target, and the service led to the other chain.
        Assert.Equal(3, tables.Committed[^1].ElementCount);
        sync.Update([KeyValuePair.Create(new ObjectKey("ns", "7"), (ServiceRules?)Of(7, 1, 2, 3, 6))], static (_, _) => { });
        Assert.Equal(2, tables.Committed[^1].ElementCount);
        int commits = tables.Committed.Count;
        sync.Update([KeyValuePair.Create(new ObjectKey("ns", "7"), (ServiceRules?)Of(7, 1, 2, 3, 6))], static (_, _) => { });
        Assert.Equal(commits, tables.Committed.Count);

        static IPAddress Big(int service) => new([10, 96, (byte)(service >> 8), (byte)service]);
    }

    [Theory]
    [InlineData(Errno.Busy)]
    [InlineData(Errno.NoBuffers)]
    [InlineData(Errno.NoEntry)]
    public void Update_Refused_RereadsAndAppliesAnyway(Errno errno)
    {
        using var tables = new FakeNfTables();
        TableSync sync = Sync(tables);
        Update(sync, new Step(0, 0, false, 0, 0, [1]));
        tables.Planned.Enqueue(new Refusal(errno, null, -1, null));
        Update(sync, new Step(0, 0, false, 0, 0, [1, 2]));
        Assert.Contains("service-ips 10.96.0.1 . tcp . 80 : goto pick-2", Dump(tables), StringComparison.Ordinal);
    }

    [Fact]
    public void Update_RefusedForGood_ThrowsAndTheNextCallCatchesUp()
    {
        using var tables = new FakeNfTables();
        TableSync sync = Sync(tables);
        for (int times = 0; times < 3; times++)
        {
            tables.Planned.Enqueue(new Refusal(Errno.NoBuffers, null, -1, null));
        }
        Assert.Throws<TableRefusedException>(() => Update(sync, new Step(0, 0, false, 0, 0, [1])));
        Update(sync, new Step(1, 0, false, 0, 0, [2]));
        Assert.Contains("10.96.0.1 ", Dump(tables), StringComparison.Ordinal);
        Assert.Contains("10.96.0.2 ", Dump(tables), StringComparison.Ordinal);
    }

    [Fact]
    public void Update_OneServiceRefused_StaysOutAloneAndComesBackWithItsNextUpdate()
    {
        using var tables = new FakeNfTables();
        TableSync sync = Sync(tables);
        Update(sync, new Step(0, 0, false, 0, 0, [1]));
        SetElement bad = new(new FieldBuilder(s_layout.ClusterAddresses.Key).Address(IPAddress.Parse("10.96.0.2")).Build());
        for (int times = 0; times < 4; times++)
        {
            tables.Planned.Enqueue(new Refusal(Errno.NoBuffers, new Change.AddElements(s_layout.ClusterAddresses, [bad]), 0, "full"));
        }
        Update(sync, new Step(1, 0, false, 0, 0, [2]));
        Assert.Equal("add element cluster-ips { 10.96.0.2 }: NoBuffers: full", Assert.Single(sync.Refused).Value);
        Assert.Contains("10.96.0.1 ", Dump(tables), StringComparison.Ordinal);
        Assert.DoesNotContain("10.96.0.2", Dump(tables), StringComparison.Ordinal);
        Update(sync, new Step(1, 0, false, 0, 0, [2]));
        Assert.Empty(sync.Refused);
        Assert.Contains("10.96.0.2 ", Dump(tables), StringComparison.Ordinal);
    }

    [Fact]
    public void Mend_ForeignRuleAndElement_AreGone()
    {
        using var tables = new FakeNfTables();
        TableSync sync = Sync(tables);
        Update(sync, new Step(0, 0, false, 0, 0, [1]));
        string before = Dump(tables);
        var foreign = new Transaction(s_layout.Table);
        foreign.Add(new Change.AddChain(new Chain("mine")));
        foreign.Add(new Change.AddRule(new Rule("services", [new Counter()])));
        foreign.Add(new Change.AddElements(s_layout.ClusterAddresses, [new SetElement(new FieldBytes([1, 2, 3, 4]))]));
        tables.Commit(foreign);
        Assert.True(sync.IsDamaged());
        Assert.True(sync.Mend());
        Assert.Equal(before, Dump(tables));
        Assert.False(sync.IsDamaged());
    }

    [Fact]
    public void Mend_TableOfAnotherVersion_IsMadeAnew()
    {
        using var tables = new FakeNfTables();
        var old = new Transaction(s_layout.Table);
        old.Add(new Change.AddTable());
        old.Add(new Change.AddSet(new SetDefinition { Name = "endpoints", Key = [FieldType.Mark] }));
        tables.Commit(old);
        TableSync sync = Sync(tables);
        Update(sync, new Step(0, 0, false, 0, 0, [1]));
        Assert.Equal(s_layout.Endpoints, tables.Read(s_layout.Table)!.Sets["endpoints"]);
    }

    private static string Dump(INfTables tables)
    {
        TableContent content = tables.Read(s_layout.Table)!;
        IEnumerable<string> chains = content.Chains.Values.Select(chain => $"{chain.Chain} {string.Join(',', chain.RuleComments)}");
        IEnumerable<string> sets = content.Sets.Values.SelectMany(set => tables.ReadElements(s_layout.Table, set).Select(element => $"{set.Name} {element.ToText(set)}"));
        return string.Join('\n', chains.Concat(sets).Order(StringComparer.Ordinal));
    }
}
