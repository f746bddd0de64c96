using System.Net;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.NfTables;

namespace Fairlead.Node.Network;

/// <summary>A port of the node that leads to a pod (Kubernetes API reference: "ContainerPort", hostPort).</summary>
/// <param name="HostAddress">The node's address on which it is; null: all of them.</param>
/// <param name="Protocol">IP protocol number: 6, 17 or 132.</param>
internal sealed record PortMapping(IPAddress? HostAddress, int HostPort, byte Protocol, int ContainerPort);

/// <summary>
/// Ports of the node that lead to pods, as a network plugin's port mapping does: two flat maps in a table of their own. What the kernel
/// holds is what counts, so that an agent that comes again finds the ports of its pods.
/// </summary>
internal sealed class HostPorts(NetworkNamespace node, string bridge)
{
    private static readonly Table Table = new(TableFamily.IPv4, "fairlead-hostports");
    private static readonly SetDefinition AnyAddress = new() { Name = "ports", Key = [FieldType.Protocol, FieldType.Port], Value = [FieldType.IPv4Address, FieldType.Port] };
    private static readonly SetDefinition OneAddress = new()
    {
        Name = "address-ports", Key = [FieldType.IPv4Address, FieldType.Protocol, FieldType.Port], Value = [FieldType.IPv4Address, FieldType.Port],
    };

    private static readonly SetDefinition Hairpin = new() { Name = "hairpin", Key = [FieldType.IPv4Address, FieldType.IPv4Address] };
    private static readonly IPNetwork Loopback = IPNetwork.Parse("127.0.0.0/8");
    private readonly Lock _lock = new();

    /// <summary>Leads the ports to a pod, taking them from whoever had them.</summary>
    /// <exception cref="IOException">The kernel refused.</exception>
    public void Map(IPAddress pod, IReadOnlyList<PortMapping> ports)
    {
        if (ports.Count == 0) return;
        lock (_lock)
        {
            using var tables = node.Run(KernelNfTables.Open);
            var transaction = new Transaction(Table);
            if (tables.Read(Table) is null)
            {
                Create(transaction);
                // 127.0.0.1 on a host port is led to a pod over the bridge.
                node.Run(() => Sysctl.Write($"net/ipv4/conf/{bridge}/route_localnet", "1"));
            }
            else Clear(tables, transaction, (set, element) => LeadsTo(pod, element) || ports.Any(port => Element(port, pod) is var (of, wanted) && of == set && wanted.Key == element.Key));
            foreach (var group in ports.Select(port => Element(port, pod)).DistinctBy(entry => entry.Element.Key).GroupBy(entry => entry.Set))
                transaction.Add(new Change.AddElements(group.Key, [.. group.Select(entry => entry.Element)]));
            transaction.Add(new Change.AddElements(Hairpin, [new SetElement(new FieldBuilder(Hairpin.Key).Address(pod).Address(pod).Build())]));
            Commit(tables, transaction);
        }
    }

    /// <summary>Takes away what leads to a pod; nothing happens when nothing does.</summary>
    public void Unmap(IPAddress pod)
    {
        lock (_lock)
        {
            using var tables = node.Run(KernelNfTables.Open);
            if (tables.Read(Table) is null) return;
            var transaction = new Transaction(Table);
            if (Clear(tables, transaction, (_, element) => LeadsTo(pod, element))) Commit(tables, transaction);
        }
    }

    /// <summary>Removes all of it.</summary>
    public static void Remove(NetworkNamespace node)
    {
        using var tables = node.Run(KernelNfTables.Open);
        if (tables.Read(Table) is null) return;
        var transaction = new Transaction(Table);
        transaction.Add(new Change.DeleteTable());
        Commit(tables, transaction);
    }

    private static bool Clear(KernelNfTables tables, Transaction transaction, Func<SetDefinition, SetElement, bool> goes)
    {
        var any = false;
        foreach (var set in (SetDefinition[])[AnyAddress, OneAddress, Hairpin])
        {
            var gone = tables.ReadElements(Table, set).Where(element => goes(set, element)).ToList();
            if (gone.Count == 0) continue;
            transaction.Add(new Change.DeleteElements(set, gone));
            any = true;
        }
        return any;
    }

    /// <summary>Whether it is an element of that pod: its value, or in the hairpin set its key, begins with the address.</summary>
    private static bool LeadsTo(IPAddress pod, SetElement element) => (element.Value.IsEmpty ? element.Key : element.Value).Span[..4].SequenceEqual(pod.GetAddressBytes());

    private static (SetDefinition Set, SetElement Element) Element(PortMapping port, IPAddress pod)
    {
        var set = port.HostAddress is null ? AnyAddress : OneAddress;
        var key = new FieldBuilder(set.Key);
        if (port.HostAddress is { } address) key.Address(address);
        return (set, new SetElement(key.Protocol(port.Protocol).Port(port.HostPort).Build()) { Value = new FieldBuilder(set.Value).Address(pod).Port(port.ContainerPort).Build() });
    }

    private static void Create(Transaction transaction)
    {
        transaction.Add(new Change.AddTable());
        foreach (var set in (SetDefinition[])[AnyAddress, OneAddress, Hairpin]) transaction.Add(new Change.AddSet(set));
        // Before the services' chains, which look at the same packets.
        foreach (var (name, point) in (ReadOnlySpan<(string, HookPoint)>)[("prerouting", HookPoint.PreRouting), ("output", HookPoint.Output)])
        {
            transaction.Add(new Change.AddChain(new Chain(name, new BaseHook(ChainType.Nat, point, -101))));
            transaction.Add(new Change.AddRule(new Rule(name,
                [Match.LocalDestination, new TranslateByMap(Table.Family, [Selector.Destination(Table.Family), Selector.Protocol, Selector.DestinationPort], OneAddress.Name)])));
            transaction.Add(new Change.AddRule(new Rule(name,
                [Match.LocalDestination, new TranslateByMap(Table.Family, [Selector.Protocol, Selector.DestinationPort], AnyAddress.Name)])));
        }
        transaction.Add(new Change.AddChain(new Chain("postrouting", new BaseHook(ChainType.Nat, HookPoint.PostRouting, 99))));
        var translated = new MatchBits(Selector.FlowStatus, MatchBits.Translated);
        // What the bridge's route_localnet lets in beside the ports' own answers: a pod that would reach what listens on the node's loopback alone (CVE-2020-8558).
        transaction.Add(new Change.AddChain(new Chain("input", new BaseHook(ChainType.Filter, HookPoint.Input, 0))));
        transaction.Add(new Change.AddRule(new Rule("input",
            [new MatchNetwork(Selector.Destination(Table.Family), Loopback), new MatchLink("lo", Not: true), new MatchBits(Selector.FlowStatus, MatchBits.Translated, Not: true), new VerdictStatement(new Verdict(VerdictCode.Drop))])));
        // A pod cannot answer 127.0.0.1 of the node, nor its own address.
        transaction.Add(new Change.AddRule(new Rule("postrouting", [translated, new MatchNetwork(Selector.Source(Table.Family), Loopback), new Masquerade()])));
        transaction.Add(new Change.AddRule(new Rule("postrouting",
            [translated, new MatchSet([Selector.Source(Table.Family), Selector.Destination(Table.Family)], Hairpin.Name), new Masquerade()])));
    }

    private static void Commit(KernelNfTables tables, Transaction transaction)
    {
        if (tables.Commit(transaction) is { } refusal) throw new IOException($"the kernel refused the host ports: {refusal}");
    }
}
