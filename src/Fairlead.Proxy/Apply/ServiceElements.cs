using Fairlead.Kube;
using Fairlead.Linux.Netlink.NfTables;
using Fairlead.Proxy.Plan;

namespace Fairlead.Proxy.Apply;

/// <summary>The elements and chains that a service's rules consist of.</summary>
internal static class ServiceElements
{
    /// <summary>Hands every element, and every chain that one leads to, to the receivers.</summary>
    internal static void Visit(ProxyTable table, ServiceRules rules, Action<SetKind, SetElement> element, Action<PickChain> chain)
    {
        foreach (System.Net.IPAddress address in rules.Addresses)
        {
            element(SetKind.ClusterAddresses, new SetElement(new FieldBuilder(table.ClusterAddresses.Key).Address(address).Build()));
        }
        foreach (PortRules port in rules.Ports)
        {
            if (port.Drops)
            {
                element(SetKind.Services, ServiceElement(table, port, new Verdict(VerdictCode.Drop)));
            }
            else if (port.Targets.Count > 0)
            {
                VisitPort(table, port, element, chain);
            }
        }
    }

    private static void VisitPort(ProxyTable table, PortRules port, Action<SetKind, SetElement> element, Action<PickChain> chain)
    {
        var pick = new PickChain(port.Reach, port.Targets.Count, port.LocalTargets?.Count, port.AffinitySeconds, port.Sources);
        chain(pick);
        if (port.Reach == Reach.NodePort)
        {
            element(SetKind.NodePorts, new SetElement(new FieldBuilder(table.NodePorts.Key).Protocol(port.Protocol).Port(port.Port).Build())
            {
                Verdict = Verdict.Goto(pick.Name),
            });
        }
        else
        {
            element(SetKind.Services, ServiceElement(table, port, Verdict.Goto(pick.Name)));
        }
        VisitTargets(table, port, port.Targets, 0, element);
        if (port.LocalTargets is { } local)
        {
            VisitTargets(table, port, local, ProxyTable.FirstLocalIndex, element);
        }
        foreach (Target target in port.Targets)
        {
            // Only a pod of this node can reach itself by way of this node.
            if (target.IsLocal)
            {
                element(SetKind.Hairpin, new SetElement(new FieldBuilder(table.Hairpin.Key).Address(target.Address).Address(target.Address).Build()));
            }
        }
    }

    private static SetElement ServiceElement(ProxyTable table, PortRules port, Verdict verdict) =>
        new(new FieldBuilder(table.Services.Key).Address(port.Address).Protocol(port.Protocol).Port(port.Port).Build()) { Verdict = verdict };

    private static void VisitTargets(ProxyTable table, PortRules port, EquatableArray<Target> targets, uint firstIndex, Action<SetKind, SetElement> element)
    {
        uint index = firstIndex;
        foreach (Target target in targets)
        {
            element(SetKind.Endpoints, new SetElement(
                new FieldBuilder(table.Endpoints.Key).Address(port.Address).Protocol(port.Protocol).Port(port.Port).Mark(index++).Build())
            {
                Value = new FieldBuilder(table.Endpoints.Value).Address(target.Address).Port(target.Port).Build(),
            });
        }
    }
}
