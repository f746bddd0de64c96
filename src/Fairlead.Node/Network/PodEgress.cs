using System.Net;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.NfTables;

namespace Fairlead.Node.Network;

/// <summary>
/// Lets pods talk to addresses outside the cluster: those know no way back to a pod's address, so such packets leave with the
/// node's (the masquerading that a Kubernetes network plugin does).
/// </summary>
internal static class PodEgress
{
    private const string Postrouting = "postrouting";
    private static readonly Table Table = new(TableFamily.IPv4, "fairlead-node");

    /// <param name="node">The node's own network namespace.</param>
    /// <param name="podCidr">Addresses of this node's pods.</param>
    /// <param name="clusterNetwork">Addresses of all pods, which are reached without translation.</param>
    /// <exception cref="IOException">The kernel refused.</exception>
    public static void Configure(NetworkNamespace node, IPNetwork podCidr, IPNetwork clusterNetwork)
    {
        var transaction = new Transaction(Table);
        transaction.Add(new Change.AddTable());
        transaction.Add(new Change.AddChain(new Chain(Postrouting, new BaseHook(ChainType.Nat, HookPoint.PostRouting, 110))));
        transaction.Add(new Change.FlushChain(Postrouting));
        transaction.Add(new Change.AddRule(new Rule(Postrouting,
        [
            new MatchNetwork(Selector.Source(Table.Family), podCidr),
            new MatchNetwork(Selector.Destination(Table.Family), clusterNetwork, Not: true),
            new Masquerade(),
        ])));
        using var tables = node.Run(KernelNfTables.Open);
        if (tables.Commit(transaction) is { } refusal) throw new IOException($"the kernel refused the masquerading of pods: {refusal}");
    }

    /// <summary>Removes it; nothing happens when it is gone.</summary>
    public static void Remove(NetworkNamespace node)
    {
        using var tables = node.Run(KernelNfTables.Open);
        if (tables.Read(Table) is null) return;
        var transaction = new Transaction(Table);
        transaction.Add(new Change.DeleteTable());
        if (tables.Commit(transaction) is { } refusal) throw new IOException($"the kernel refused: {refusal}");
    }
}
