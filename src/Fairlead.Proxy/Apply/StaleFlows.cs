using System.Net;
using Fairlead.Linux.Netlink.Conntrack;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Proxy.Plan;

namespace Fairlead.Proxy.Apply;

/// <summary>
/// Finds the UDP flows that changed services leave behind. UDP knows no end, so a flow to an endpoint that went away, or one
/// that began before its service had endpoints, would be tracked on as long as its client keeps sending.
/// </summary>
internal sealed class StaleFlows
{
    private static readonly HashSet<IPEndPoint> s_none = [];
    private readonly Dictionary<IPEndPoint, HashSet<IPEndPoint>> _allowed = [];
    private readonly Dictionary<ushort, HashSet<IPEndPoint>> _allowedByNodePort = [];

    internal StaleFlows(IEnumerable<(ServiceRules? Before, ServiceRules? Now)> changes)
    {
        foreach ((ServiceRules? before, ServiceRules? now) in changes)
        {
            if (NeverStale(before, now))
            {
                continue;
            }
            foreach (PortRules port in UdpPorts(before))
            {
                Allow(port, s_none);
            }
            foreach (PortRules port in UdpPorts(now))
            {
                Allow(port, [.. port.Targets.Select(target => new IPEndPoint(target.Address, target.Port))]);
            }
        }
    }

    /// <summary>No UDP port is among the changes.</summary>
    internal bool IsEmpty => _allowed.Count == 0 && _allowedByNodePort.Count == 0;

    /// <param name="isOwn">Whether an address is one of this node's.</param>
    internal bool IsStale(Flow flow, Func<IPAddress, bool> isOwn)
    {
        var target = new IPEndPoint(flow.Reply.Source, flow.Reply.SourcePort);
        var destination = new IPEndPoint(flow.Original.Destination, flow.Original.DestinationPort);
        if (_allowed.TryGetValue(destination, out HashSet<IPEndPoint>? targets))
        {
            return !targets.Contains(target);
        }
        // What was never translated began before the service had endpoints, where it goes to this node; elsewhere it is somebody else's.
        return _allowedByNodePort.TryGetValue(flow.Original.DestinationPort, out targets)
            && !targets.Contains(target)
            && (!target.Equals(destination) || isOwn(destination.Address));
    }

    /// <summary>Forgets the stale flows; returns how many.</summary>
    internal int Remove(ConntrackSocket conntrack, RouteSocket routes, bool ipv6)
    {
        if (IsEmpty)
        {
            return 0;
        }
        HashSet<IPAddress> own = _allowedByNodePort.Count == 0 ? [] : [.. routes.ListAddresses().Select(address => address.Address)];
        return conntrack.List(ipv6, Protocols.Udp, flow => IsStale(flow, own.Contains)).Count(conntrack.TryDelete);
    }

    /// <summary>
    /// Every port had targets and keeps them all: then no flow is stale, and the kernel's whole flow table (its walk takes
    /// about 10 ms even when it is empty) need not be looked at.
    /// </summary>
    private static bool NeverStale(ServiceRules? before, ServiceRules? now) =>
        before is not null
        && UdpPorts(before).All(old => old.Targets.Count > 0 && UdpPorts(now).Any(port => Keeps(port, old)))
        && UdpPorts(now).All(port => UdpPorts(before).Any(old => Keeps(port, old)));

    private static bool Keeps(PortRules now, PortRules before) =>
        now.Reach == before.Reach && now.Address.Equals(before.Address) && now.Port == before.Port
        && before.Targets.All(target => now.Targets.Contains(target));

    private void Allow(PortRules port, HashSet<IPEndPoint> targets)
    {
        if (port.Reach == Reach.NodePort)
        {
            _allowedByNodePort[port.Port] = targets;
        }
        else
        {
            _allowed[new IPEndPoint(port.Address, port.Port)] = targets;
        }
    }

    private static IEnumerable<PortRules> UdpPorts(ServiceRules? rules) =>
        rules is null ? [] : rules.Ports.Where(port => port.Protocol == Protocols.Udp);
}
