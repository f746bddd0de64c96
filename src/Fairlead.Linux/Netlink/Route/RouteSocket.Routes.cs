using System.Net;
using System.Net.Sockets;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>What a route does with its packets (rtnetlink(7), rtm_type).</summary>
public enum RouteKind : byte
{
    Unicast = 1,
    Local = 2,
    Blackhole = 6,
    Unreachable = 7,
}

/// <summary>A route of the main table.</summary>
/// <param name="Destination">Network; 0.0.0.0/0 and ::/0 are default routes.</param>
public sealed record Route(IPNetwork Destination)
{
    /// <summary>The next hop; null: the network is on the link itself.</summary>
    public IPAddress? Gateway { get; init; }

    /// <summary>The link; 0: the one that reaches the gateway.</summary>
    public int LinkIndex { get; init; }

    /// <summary>The address that packets of this machine leave with, or null.</summary>
    public IPAddress? Source { get; init; }

    public RouteKind Kind { get; init; } = RouteKind.Unicast;

    /// <summary>The gateway is reachable on the link though no network there covers it.</summary>
    public bool OnLink { get; init; }

    /// <summary>How packets are wrapped; null: not at all.</summary>
    public RouteTunnel? Tunnel { get; init; }

    /// <summary>Lower wins; 0 is the kernel's default.</summary>
    public uint Priority { get; init; }

    /// <summary>Who made the route (rtm_protocol); 4 is "static", 2 the kernel itself.</summary>
    public byte Protocol { get; init; } = 4;
}

public sealed partial class RouteSocket
{
    private const ushort NewRoute = 24, DeleteRouteMessage = 25, GetRoute = 26;
    private const ushort RouteDestination = 1, RouteLink = 4, RouteGateway = 5, RoutePriority = 6, RouteSource = 7, RouteTable = 15;
    private const byte MainTable = 254, ScopeLink = 253, ScopeHost = 254;

    /// <summary>Adds a route; false when one to this destination exists.</summary>
    public bool TryAddRoute(Route route)
    {
        WriteRoute(NewRoute, NetlinkFlags.Create | NetlinkFlags.Exclusive, route);
        return AcknowledgeUnless($"add route {route.Destination}", errno => errno == Errno.Exists);
    }

    /// <summary>Adds a route or puts it in the place of the one to the same destination.</summary>
    public void ReplaceRoute(Route route)
    {
        WriteRoute(NewRoute, NetlinkFlags.Create | NetlinkFlags.Replace, route);
        Acknowledge($"replace route {route.Destination}");
    }

    /// <summary>Deletes a route; false when there is none.</summary>
    public bool TryDeleteRoute(Route route)
    {
        WriteRoute(DeleteRouteMessage, NetlinkFlags.None, route);
        return AcknowledgeUnless($"delete route {route.Destination}", errno => errno is Errno.NoProcess or Errno.NoDevice);
    }

    /// <summary>The routes of the main table, of both families.</summary>
    public IReadOnlyList<Route> ListRoutes()
    {
        Begin(GetRoute, NetlinkFlags.Dump, default(RouteHeader));
        return List<Route>("list routes", found => message =>
        {
            RouteHeader header = message.Header<RouteHeader>();
            if (message.Type == NewRoute && header.Table == MainTable)
            {
                found.Add(ReadRoute(header, message.Attributes(12)));
            }
        });
    }

    private void WriteRoute(ushort type, NetlinkFlags flags, Route route)
    {
        bool unicast = route.Kind == RouteKind.Unicast;
        bool remove = type == DeleteRouteMessage;
        var header = new RouteHeader
        {
            Family = FamilyOf(route.Destination.BaseAddress),
            DestinationLength = (byte)route.Destination.PrefixLength,
            Table = MainTable,
            Protocol = route.Protocol,
            // Deletion matches any scope when told "nowhere" (255).
            Scope = remove ? (byte)255 : route.Kind == RouteKind.Local ? ScopeHost : unicast && route.Gateway is null ? ScopeLink : (byte)0,
            Kind = (byte)route.Kind,
            Flags = route.OnLink ? 4u : 0,
        };
        MessageBuffer request = Begin(type, flags | NetlinkFlags.Acknowledge, header);
        if (route.Destination.PrefixLength > 0)
        {
            request.Address(RouteDestination, route.Destination.BaseAddress);
        }
        if (route.Gateway is not null)
        {
            request.Address(RouteGateway, route.Gateway);
        }
        if (route.LinkIndex != 0)
        {
            request.UInt32(RouteLink, (uint)route.LinkIndex);
        }
        if (route.Source is not null)
        {
            request.Address(RouteSource, route.Source);
        }
        if (route.Priority != 0)
        {
            request.UInt32(RoutePriority, route.Priority);
        }
        if (route.Tunnel is not null)
        {
            WriteTunnel(request, route.Tunnel);
        }
    }

    private static Route ReadRoute(RouteHeader header, AttributeReader attributes)
    {
        IPAddress destination = header.Family == 2 ? IPAddress.Any : IPAddress.IPv6Any;
        IPAddress? gateway = null, source = null;
        int link = 0;
        uint priority = 0;
        RouteTunnel? tunnel = null;
        foreach (Attribute attribute in attributes)
        {
            switch (attribute.Type)
            {
                case RouteDestination: destination = attribute.Address() ?? destination; break;
                case RouteGateway: gateway = attribute.Address(); break;
                case RouteSource: source = attribute.Address(); break;
                case RouteLink: link = (int)attribute.UInt32(); break;
                case RoutePriority: priority = attribute.UInt32(); break;
                case RouteEncapsulation: tunnel = ReadTunnel(attribute.Nested); break;
                default: break;
            }
        }
        return new Route(new IPNetwork(destination, header.DestinationLength))
        {
            Gateway = gateway,
            Source = source,
            LinkIndex = link,
            Tunnel = tunnel,
            Priority = priority,
            Kind = (RouteKind)header.Kind,
            Protocol = header.Protocol,
            OnLink = (header.Flags & 4) != 0,
        };
    }
}
