using Fairlead.Dns.Wire;
using Fairlead.Dns.Zone;
using Fairlead.Kube;
using Xunit;

namespace Fairlead.Unit.Dns.Zone;

/// <summary>The Kubernetes DNS specification 1.1.0 as a table: question, code, records.</summary>
public sealed class ZoneTests
{
    private const string Soa = "authority cluster.local. 5 Soa ns.dns.cluster.local. hostmaster.cluster.local. 7 7200 1800 86400 5";

    public static TheoryData<string, string, string[]> Cases => new()
    {
        // 2.2
        { "dns-version.cluster.local", "Txt", ["NoError aa", "answer dns-version.cluster.local. 5 Txt \"1.1.0\""] },
        // 2.3.1
        { "web.default.svc.cluster.local", "A", ["NoError aa", "answer web.default.svc.cluster.local. 5 A 10.96.0.20"] },
        { "WEB.Default.svc.CLUSTER.local", "A", ["NoError aa", "answer WEB.Default.svc.CLUSTER.local. 5 A 10.96.0.20"] },
        { "web.default.svc.cluster.local", "Aaaa", ["NoError aa", Soa] },
        { "web.default.svc.cluster.local", "MX", ["NoError aa", Soa] },
        { "web.default.svc.cluster.local", "65280", ["NoError aa", Soa] },
        { "dual.default.svc.cluster.local", "Aaaa", ["NoError aa", "answer dual.default.svc.cluster.local. 5 Aaaa fd00::21"] },
        { "nobody.default.svc.cluster.local", "A", ["NoSuchName aa", Soa] },
        { "web.nowhere.svc.cluster.local", "A", ["NoSuchName aa", Soa] },
        { "a.web.default.svc.cluster.local", "A", ["NoSuchName aa", Soa] },
        // 2.3.2
        {
            "_http._tcp.web.default.svc.cluster.local", "Srv",
            ["NoError aa", "answer _http._tcp.web.default.svc.cluster.local. 5 Srv 0 100 80 web.default.svc.cluster.local.", "additional web.default.svc.cluster.local. 5 A 10.96.0.20"]
        },
        {
            "_dns._udp.web.default.svc.cluster.local", "Srv",
            ["NoError aa", "answer _dns._udp.web.default.svc.cluster.local. 5 Srv 0 100 53 web.default.svc.cluster.local.", "additional web.default.svc.cluster.local. 5 A 10.96.0.20"]
        },
        { "_http._tcp.web.default.svc.cluster.local", "A", ["NoError aa", Soa] },
        { "_tcp.web.default.svc.cluster.local", "Srv", ["NoError aa", Soa] },
        { "_sctp.web.default.svc.cluster.local", "Srv", ["NoSuchName aa", Soa] },
        { "_http._udp.web.default.svc.cluster.local", "Srv", ["NoSuchName aa", Soa] },
        { "_http._tcp.dual.default.svc.cluster.local", "Srv", ["NoSuchName aa", Soa] },
        // 2.3.3
        { "20.0.96.10.in-addr.arpa", "Ptr", ["NoError aa", "answer 20.0.96.10.in-addr.arpa. 5 Ptr web.default.svc.cluster.local."] },
        {
            "1.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa", "Ptr",
            ["NoError aa", "answer 1.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa. 5 Ptr dual.default.svc.cluster.local."]
        },
        // 2.4.1
        { "pets.default.svc.cluster.local", "A", ["NoError aa", "answer pets.default.svc.cluster.local. 5 A 10.244.0.5", "answer pets.default.svc.cluster.local. 5 A 10.244.0.6"] },
        { "pets.default.svc.cluster.local", "Aaaa", ["NoError aa", "answer pets.default.svc.cluster.local. 5 Aaaa fd00:244::5"] },
        { "pet-0.pets.default.svc.cluster.local", "A", ["NoError aa", "answer pet-0.pets.default.svc.cluster.local. 5 A 10.244.0.5"] },
        { "pet-0.pets.default.svc.cluster.local", "Aaaa", ["NoError aa", "answer pet-0.pets.default.svc.cluster.local. 5 Aaaa fd00:244::5"] },
        { "10-244-0-6.pets.default.svc.cluster.local", "A", ["NoError aa", "answer 10-244-0-6.pets.default.svc.cluster.local. 5 A 10.244.0.6"] },
        { "10-244-0-6.pets.default.svc.cluster.local", "Aaaa", ["NoError aa", Soa] },
        { "pet-2.pets.default.svc.cluster.local", "A", ["NoSuchName aa", Soa] },
        { "none.default.svc.cluster.local", "A", ["NoSuchName aa", Soa] },
        { "all.default.svc.cluster.local", "A", ["NoError aa", "answer all.default.svc.cluster.local. 5 A 10.244.0.7"] },
        { "pet-2.all.default.svc.cluster.local", "A", ["NoError aa", "answer pet-2.all.default.svc.cluster.local. 5 A 10.244.0.7"] },
        // 2.4.2
        {
            "_http._tcp.pets.default.svc.cluster.local", "Srv",
            [
                "NoError aa",
                "answer _http._tcp.pets.default.svc.cluster.local. 5 Srv 0 100 8080 pet-0.pets.default.svc.cluster.local.",
                "answer _http._tcp.pets.default.svc.cluster.local. 5 Srv 0 100 8080 10-244-0-6.pets.default.svc.cluster.local.",
                "additional pet-0.pets.default.svc.cluster.local. 5 A 10.244.0.5",
                "additional pet-0.pets.default.svc.cluster.local. 5 Aaaa fd00:244::5",
                "additional 10-244-0-6.pets.default.svc.cluster.local. 5 A 10.244.0.6",
            ]
        },
        // 2.4.3
        { "5.0.244.10.in-addr.arpa", "Ptr", ["NoError aa", "answer 5.0.244.10.in-addr.arpa. 5 Ptr pet-0.pets.default.svc.cluster.local."] },
        {
            "7.0.244.10.in-addr.arpa", "A",
            ["NoError aa", "authority in-addr.arpa. 5 Soa ns.dns.cluster.local. hostmaster.cluster.local. 7 7200 1800 86400 5"]
        },
        // 2.5
        { "ext.default.svc.cluster.local", "Cname", ["NoError aa", "answer ext.default.svc.cluster.local. 5 Cname someapi.somecompany.com."] },
        { "ext.default.svc.cluster.local", "A", ["NoError aa", "answer ext.default.svc.cluster.local. 5 Cname someapi.somecompany.com."] },
        // 2.6
        { "10-244-0-9.default.pod.cluster.local", "A", ["NoError aa", "answer 10-244-0-9.default.pod.cluster.local. 5 A 10.244.0.9"] },
        { "10-244-0-9.default.pod.cluster.local", "Aaaa", ["NoError aa", Soa] },
        { "fd00--9.default.pod.cluster.local", "Aaaa", ["NoError aa", "answer fd00--9.default.pod.cluster.local. 5 Aaaa fd00::9"] },
        { "10-244-0-256.default.pod.cluster.local", "A", ["NoSuchName aa", Soa] },
        { "10-244-0.default.pod.cluster.local", "A", ["NoSuchName aa", Soa] },
        { "10-244-0-9.nowhere.pod.cluster.local", "A", ["NoSuchName aa", Soa] },
        { "a.10-244-0-9.default.pod.cluster.local", "A", ["NoSuchName aa", Soa] },
        // Names that exist without records (RFC 8020), and the zone itself.
        { "default.svc.cluster.local", "A", ["NoError aa", Soa] },
        { "empty.svc.cluster.local", "A", ["NoError aa", Soa] },
        { "nowhere.svc.cluster.local", "A", ["NoSuchName aa", Soa] },
        { "default.pod.cluster.local", "A", ["NoError aa", Soa] },
        { "svc.cluster.local", "A", ["NoError aa", Soa] },
        { "pod.cluster.local", "A", ["NoError aa", Soa] },
        { "dns.cluster.local", "A", ["NoError aa", Soa] },
        { "cluster.local", "A", ["NoError aa", Soa] },
        { "other.cluster.local", "A", ["NoSuchName aa", Soa] },
        { "web.default.svc.cluster.local.cluster.local", "A", ["NoSuchName aa", Soa] },
        { "cluster.local", "NS", ["NoError aa", "answer cluster.local. 5 NS ns.dns.cluster.local."] },
        { "cluster.local", "Soa", ["NoError aa", "answer cluster.local. 5 Soa ns.dns.cluster.local. hostmaster.cluster.local. 7 7200 1800 86400 5"] },
        { "ns.dns.cluster.local", "A", ["NoError aa", "answer ns.dns.cluster.local. 5 A 10.96.0.10"] },
        { "web.default.svc.cluster.local", "Any", ["NoError aa", "answer web.default.svc.cluster.local. 5 Hinfo \"RFC8482\0\""] },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Find_Question_IsAnsweredAsSpecified(string name, string type, string[] expected)
    {
        string[] lines = ZoneCluster.Ask(name, Enum.Parse<RecordType>(type));

        Assert.Equal($"? {name}. {Enum.Parse<RecordType>(type)}", lines[1]);
        Assert.Equal(expected, lines.Where((_, index) => index != 1));
    }

    [Theory]
    [InlineData("example.com")]
    [InlineData("xcluster.local")]
    [InlineData("local")]
    [InlineData(".")]
    [InlineData("9.9.244.10.in-addr.arpa")]
    [InlineData("244.10.in-addr.arpa")]
    public void Find_NameOfOthers_IsNotOurs(string name) => Assert.Empty(ZoneCluster.Respond(Ask.Query(name)));

    [Fact]
    public void WithService_Changed_LeavesNothingOfBefore()
    {
        var key = new ObjectKey("default", "web");
        ZoneSnapshot moved = ZoneCluster.Zone.WithService(key, ZoneCluster.ClusterIP("10.96.0.99", ZoneCluster.Port("https", 443)), [], 9);

        Assert.Contains("answer web.default.svc.cluster.local. 5 A 10.96.0.99", ZoneCluster.Ask("web.default.svc.cluster.local", RecordType.A, zone: moved));
        Assert.Equal("NoSuchName aa", ZoneCluster.Ask("_http._tcp.web.default.svc.cluster.local", RecordType.Srv, zone: moved)[0]);
        Assert.Empty(ZoneCluster.Respond(Ask.Query("20.0.96.10.in-addr.arpa", RecordType.Ptr), moved));
        Assert.Equal("NoError aa", ZoneCluster.Ask("99.0.96.10.in-addr.arpa", RecordType.Ptr, zone: moved)[0]);
        ZoneSnapshot gone = moved.WithService(key, null, [], 10);
        Assert.Equal("NoSuchName aa", ZoneCluster.Ask("web.default.svc.cluster.local", RecordType.A, zone: gone)[0]);
        Assert.Empty(ZoneCluster.Respond(Ask.Query("99.0.96.10.in-addr.arpa", RecordType.Ptr), gone));
        Assert.Equal("NoError aa", ZoneCluster.Ask("web.default.svc.cluster.local", RecordType.A)[0]);
    }

    [Fact]
    public void WithService_AmongTenThousand_CostsAsAmongAHundred()
    {
        Assert.InRange(BytesOfUpdate(10_000), 1, 2 * BytesOfUpdate(100));

        static long BytesOfUpdate(int size)
        {
            ZoneSnapshot zone = ZoneCluster.Zone;
            for (int i = 0; i < size; i++)
            {
                zone = With(zone, i, 80);
            }
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 100; i++)
            {
                zone = With(zone, i, 81);
            }
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        static ZoneSnapshot With(ZoneSnapshot zone, int number, ushort port) => zone.WithService(
            new ObjectKey("default", $"s{number}"), ZoneCluster.ClusterIP($"10.97.{number >> 8}.{number & 255}", ZoneCluster.Port("http", port)), [], 1);
    }

    [Fact]
    public void Find_EndpointOfTwoServices_HasBothNames()
    {
        ZoneSnapshot zone = ZoneCluster.Zone.WithService(
            new ObjectKey("default", "cats"), new ServiceInfo { Form = ServiceForm.Headless },
            [ZoneCluster.Slice("default", "cats", [], ZoneCluster.Endpoint("10.244.0.5", "tom"))], 9);

        Assert.Equal(2, ZoneCluster.Ask("5.0.244.10.in-addr.arpa", RecordType.Ptr, zone: zone).Count(line => line.StartsWith("answer", StringComparison.Ordinal)));
    }

    [Fact]
    public void Respond_BeforeTheCachesHaveSynced_IsAFailureForOurNamesOnly()
    {
        ZoneSnapshot zone = ZoneSnapshot.Empty(new Fairlead.Dns.ZoneOptions());

        Assert.Equal("ServerFailure", ZoneCluster.Ask("web.default.svc.cluster.local", RecordType.A, zone: zone)[0]);
        Assert.Empty(ZoneCluster.Respond(Ask.Query("example.com"), zone));
    }
}
