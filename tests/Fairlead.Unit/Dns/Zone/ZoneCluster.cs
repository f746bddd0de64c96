using System.Net;
using Fairlead.Dns;
using Fairlead.Dns.Server;
using Fairlead.Dns.Wire;
using Fairlead.Dns.Zone;
using Fairlead.Kube;

namespace Fairlead.Unit.Dns.Zone;

/// <summary>A zone with one of everything, and questions to it.</summary>
internal static class ZoneCluster
{
    internal static ZoneSnapshot Zone { get; } = Build();

    internal static string[] Ask(string name, RecordType type, ushort? edns = Limits.EdnsUdp, ZoneSnapshot? zone = null) =>
        [.. Unit.Dns.Ask.Lines(Respond(Unit.Dns.Ask.Query(name, type, edns: edns), zone)).Where(line => !line.StartsWith("opt", StringComparison.Ordinal))];

    internal static byte[] Respond(byte[] message, ZoneSnapshot? zone = null)
    {
        var query = default(Query);
        if (query.Parse(message) != QueryVerdict.Answer)
        {
            throw new InvalidDataException("no question");
        }
        byte[] response = new byte[query.UdpSize];
        int length = new ZoneResponder().Respond(query, message, zone ?? Zone, response, out _);
        return response[..length];
    }

    internal static NamedPort Port(string name, ushort port, string protocol = "tcp") => new(name, protocol, port);

    internal static ServiceInfo ClusterIP(string address, params NamedPort[] ports) =>
        new() { Form = ServiceForm.ClusterIP, Addresses = new([.. address.Split(' ').Select(IPAddress.Parse)]), Ports = new(ports) };

    internal static SliceInfo Slice(string ns, string service, NamedPort[] ports, params SliceEndpoint[] endpoints) =>
        new() { Service = new ObjectKey(ns, service), Ports = new(ports), Endpoints = new(endpoints) };

    internal static SliceEndpoint Endpoint(string address, string? host = null, bool ready = true) =>
        new(IPAddress.Parse(address), host ?? SliceInfo.DashedName(IPAddress.Parse(address)), ready);

    internal static ZoneSnapshot Build(ZoneOptions? options = null)
    {
        ZoneSnapshot zone = ZoneSnapshot.Empty(options ?? new ZoneOptions()).WithNamespace("default", true, 1).WithNamespace("empty", true, 1);
        Add("web", ClusterIP("10.96.0.20", Port("http", 80), Port("dns", 53, "udp")));
        Add("dual", ClusterIP("10.96.0.21 fd00::21", Port("", 80)));
        Add("pets", new ServiceInfo { Form = ServiceForm.Headless },
            Slice("default", "pets", [Port("http", 8080)], Endpoint("10.244.0.5", "pet-0"), Endpoint("10.244.0.6"), Endpoint("10.244.0.7", "pet-2", ready: false)),
            Slice("default", "pets", [Port("http", 8080)], Endpoint("fd00:244::5", "pet-0")));
        Add("all", new ServiceInfo { Form = ServiceForm.Headless, PublishNotReady = true },
            Slice("default", "all", [], Endpoint("10.244.0.7", "pet-2", ready: false)));
        Add("none", new ServiceInfo { Form = ServiceForm.Headless });
        Add("ext", new ServiceInfo { Form = ServiceForm.ExternalName, ExternalName = "SomeApi.somecompany.com." });
        zone = zone.WithService(new ObjectKey("kube-system", "kube-dns"), ClusterIP("10.96.0.10"), [], 1);
        return zone.Complete(7);

        void Add(string name, ServiceInfo service, params SliceInfo[] slices) =>
            zone = zone.WithService(new ObjectKey("default", name), service, slices, 1);
    }
}
