using Fairlead.Dns.Server;
using Fairlead.Dns.Wire;
using Fairlead.Dns.Zone;
using Fairlead.Kube;
using Fairlead.Unit.Dns.Zone;
using Xunit;

namespace Fairlead.Unit.Dns.Server;

public sealed class ZoneResponderTests
{
    private static readonly ZoneSnapshot s_wide = ZoneCluster.Zone.WithService(
        new ObjectKey("default", "wide"), new ServiceInfo { Form = ServiceForm.Headless },
        [ZoneCluster.Slice("default", "wide", [ZoneCluster.Port("http", 80)], [.. Enumerable.Range(1, 100).Select(i => ZoneCluster.Endpoint($"10.244.1.{i}"))])], 8);

    [Fact]
    public void Respond_MoreThanFits_IsTruncatedToWholeRecords()
    {
        string[] plain = ZoneCluster.Ask("wide.default.svc.cluster.local", RecordType.A, edns: null, zone: s_wide);
        string[] edns = ZoneCluster.Ask("wide.default.svc.cluster.local", RecordType.A, zone: s_wide);

        Assert.Equal("NoError aa tc", plain[0]);
        Assert.Equal((512 - 12 - 36) / 16, plain.Count(line => line.StartsWith("answer", StringComparison.Ordinal)));
        Assert.Equal("NoError aa tc", edns[0]);
        Assert.Equal((1232 - 11 - 12 - 36) / 16, edns.Count(line => line.StartsWith("answer", StringComparison.Ordinal)));
    }

    [Fact]
    public void Respond_AdditionalsThatDoNotFit_AreLeftOutWithoutTruncation()
    {
        ZoneSnapshot zone = ZoneCluster.Zone.WithService(
            new ObjectKey("default", "some"), new ServiceInfo { Form = ServiceForm.Headless },
            [ZoneCluster.Slice("default", "some", [ZoneCluster.Port("http", 80)], [.. Enumerable.Range(1, 7).Select(i => ZoneCluster.Endpoint($"10.244.1.{i}"))])], 8);

        string[] lines = ZoneCluster.Ask("_http._tcp.some.default.svc.cluster.local", RecordType.Srv, edns: null, zone: zone);

        Assert.Equal("NoError aa", lines[0]);
        Assert.Equal(7, lines.Count(line => line.StartsWith("answer", StringComparison.Ordinal)));
        Assert.InRange(lines.Count(line => line.StartsWith("additional", StringComparison.Ordinal)), 0, 6);
    }

    [Fact]
    public void Respond_AgainAndAgain_StartsWithEachRecord()
    {
        var responder = new ZoneResponder();
        byte[] message = Ask.Query("pets.default.svc.cluster.local");
        var query = default(Query);
        query.Parse(message);
        byte[] response = new byte[512];

        var first = new HashSet<string>();
        for (int i = 0; i < 2; i++)
        {
            int length = responder.Respond(query, message, ZoneCluster.Zone, response, out _);
            first.Add(Ask.Lines(response.AsSpan(0, length))[2]);
        }

        Assert.Equal(2, first.Count);
    }

    [Fact]
    public void Respond_RotatedServiceRecords_KeepTheirAddresses()
    {
        var responder = new ZoneResponder();
        byte[] message = Ask.Query("_http._tcp.pets.default.svc.cluster.local", RecordType.Srv, edns: 1232);
        var query = default(Query);
        query.Parse(message);
        byte[] response = new byte[1232];
        for (int i = 0; i < 4; i++)
        {
            string[] lines = Ask.Lines(response.AsSpan(0, responder.Respond(query, message, ZoneCluster.Zone, response, out _)));
            Assert.Contains("additional pet-0.pets.default.svc.cluster.local. 5 A 10.244.0.5", lines);
            Assert.Contains("additional 10-244-0-6.pets.default.svc.cluster.local. 5 A 10.244.0.6", lines);
        }
    }

    [Fact]
    public void Respond_QuestionsOfAllKinds_AllocateNothing()
    {
        var responder = new ZoneResponder();
        byte[][] messages =
        [
            Ask.Query("web.default.svc.cluster.local", edns: 1232), Ask.Query("web.default.svc.cluster.local", RecordType.Aaaa),
            Ask.Query("_http._tcp.pets.default.svc.cluster.local", RecordType.Srv, edns: 1232), Ask.Query("nobody.default.svc.cluster.local"),
            Ask.Query("20.0.96.10.in-addr.arpa", RecordType.Ptr), Ask.Query("10-244-0-9.default.pod.cluster.local"), Ask.Query("example.com"),
        ];
        byte[] response = new byte[1232];
        Round();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            Round();
        }
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Round()
        {
            var query = default(Query);
            foreach (byte[] message in messages)
            {
                query.Parse(message);
                responder.Respond(query, message, ZoneCluster.Zone, response, out _);
            }
        }
    }
}
