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
            if (port.Targets.Count == 0)
            {
                continue;
            }
            VisitPort(table, port, element, chain);
            if (port.NodePort != 0)
            {
                VisitNodePort(table, port, element, chain);
            }
        }
    }

    private static void VisitPort(ProxyTable table, PortRules port, Action<SetKind, SetElement> element, Action<PickChain> chain)
    {
        var pick = new PickChain(ForNodePort: false, port.Targets.Count, port.AffinitySeconds);
        chain(pick);
        element(SetKind.Services, new SetElement(new FieldBuilder(table.Services.Key).Address(port.Address).Protocol(port.Protocol).Port(port.Port).Build())
        {
            Verdict = Verdict.Goto(pick.Name),
        });
        VisitTargets(table, port, port.Address, port.Port, element);
        foreach (Target target in port.Targets)
        {
            // Only a pod of this node can reach itself by way of this node.
            if (target.IsLocal)
            {
                element(SetKind.Hairpin, new SetElement(new FieldBuilder(table.Hairpin.Key).Address(target.Address).Address(target.Address).Build()));
            }
        }
    }

    private static void VisitNodePort(ProxyTable table, PortRules port, Action<SetKind, SetElement> element, Action<PickChain> chain)
    {
        var pick = new PickChain(ForNodePort: true, port.Targets.Count, port.AffinitySeconds);
        chain(pick);
        element(SetKind.NodePorts, new SetElement(new FieldBuilder(table.NodePorts.Key).Protocol(port.Protocol).Port(port.NodePort).Build())
        {
            Verdict = Verdict.Goto(pick.Name),
        });
        VisitTargets(table, port, table.Any, port.NodePort, element);
    }

    private static void VisitTargets(ProxyTable table, PortRules port, System.Net.IPAddress address, ushort number, Action<SetKind, SetElement> element)
    {
        for (int index = 0; index < port.Targets.Count; index++)
        {
            Target target = port.Targets[index];
            element(SetKind.Endpoints, new SetElement(
                new FieldBuilder(table.Endpoints.Key).Address(address).Protocol(port.Protocol).Port(number).Mark((uint)index).Build())
            {
                Value = new FieldBuilder(table.Endpoints.Value).Address(target.Address).Port(target.Port).Build(),
            });
        }
    }
}
