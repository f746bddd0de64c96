using System.Net;
using Fairlead.Linux.Netlink.Conntrack;
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
            foreach (PortRules port in UdpPorts(before))
            {
                _allowed[new IPEndPoint(port.Address, port.Port)] = s_none;
                if (port.NodePort != 0)
                {
                    _allowedByNodePort[port.NodePort] = s_none;
                }
            }
            foreach (PortRules port in UdpPorts(now))
            {
                HashSet<IPEndPoint> targets = [.. port.Targets.Select(target => new IPEndPoint(target.Address, target.Port))];
                _allowed[new IPEndPoint(port.Address, port.Port)] = targets;
                if (port.NodePort != 0)
                {
                    _allowedByNodePort[port.NodePort] = targets;
                }
            }
        }
    }

    /// <summary>No UDP port is among the changes.</summary>
    internal bool IsEmpty => _allowed.Count == 0;

    internal bool IsStale(Flow flow)
    {
        var target = new IPEndPoint(flow.Reply.Source, flow.Reply.SourcePort);
        var destination = new IPEndPoint(flow.Original.Destination, flow.Original.DestinationPort);
        if (_allowed.TryGetValue(destination, out HashSet<IPEndPoint>? targets))
        {
            return !targets.Contains(target);
        }
        // A flow to this port number that was never translated is somebody else's.
        return !target.Equals(destination)
            && _allowedByNodePort.TryGetValue(flow.Original.DestinationPort, out targets)
            && !targets.Contains(target);
    }

    /// <summary>Forgets the stale flows; returns how many.</summary>
    internal int Remove(ConntrackSocket conntrack, bool ipv6) =>
        IsEmpty ? 0 : conntrack.List(ipv6, Protocols.Udp, IsStale).Count(conntrack.TryDelete);

    private static IEnumerable<PortRules> UdpPorts(ServiceRules? rules) =>
        rules is null ? [] : rules.Ports.Where(port => port.Protocol == Protocols.Udp);
}
