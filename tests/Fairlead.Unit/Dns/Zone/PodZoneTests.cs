using System.Net;
using Fairlead.Dns;
using Fairlead.Dns.Wire;
using Fairlead.Dns.Zone;
using Fairlead.Kube;
using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Dns.Zone;

/// <summary>What the zone's options change.</summary>
public sealed class PodZoneTests
{
    private static readonly ObjectKey s_pod = new("default", "pet-0"), s_other = new("empty", "pet-0");

    [Theory]
    [InlineData(PodNames.Disabled, "10-244-0-5.default.pod.cluster.local", "NoSuchName aa")]
    [InlineData(PodNames.Insecure, "10-244-0-99.default.pod.cluster.local", "NoError aa")]
    [InlineData(PodNames.Verified, "10-244-0-5.default.pod.cluster.local", "NoError aa")]
    [InlineData(PodNames.Verified, "10-244-0-99.default.pod.cluster.local", "NoSuchName aa")]
    [InlineData(PodNames.Verified, "10-244-0-5.empty.pod.cluster.local", "NoSuchName aa")]
    [InlineData(PodNames.Verified, "fd00--5.default.pod.cluster.local", "NoError aa")]
    public void Find_PodName_ExistsAsTheModeSays(PodNames mode, string name, string expected)
    {
        ZoneSnapshot zone = ZoneCluster.Build(new ZoneOptions { Pods = mode })
            .WithPod(s_pod, null, new PodInfo(new([IPAddress.Parse("10.244.0.5"), IPAddress.Parse("fd00::5")]), false));

        Assert.Equal(expected, ZoneCluster.Ask(name, RecordType.A, zone: zone)[0]);
    }

    [Fact]
    public void NamespaceOf_Address_IsKnownForOnePodOfItsOwnAddress()
    {
        PodInfo pod = new(new([IPAddress.Parse("10.244.0.5")]), false), onHost = new(new([IPAddress.Parse("10.0.0.1")]), true);
        ZoneSnapshot zone = ZoneCluster.Zone.WithPod(s_pod, null, pod).WithPod(new ObjectKey("default", "host"), null, onHost);

        Assert.Equal("\adefault"u8, zone.NamespaceOf([10, 244, 0, 5]));
        Assert.True(zone.NamespaceOf([10, 0, 0, 1]).IsEmpty);
        Assert.True(zone.NamespaceOf([10, 244, 0, 6]).IsEmpty);
        ZoneSnapshot two = zone.WithPod(s_other, null, pod);
        Assert.True(two.NamespaceOf([10, 244, 0, 5]).IsEmpty);
        Assert.Equal("\u0005empty"u8, two.WithPod(s_pod, pod, null).NamespaceOf([10, 244, 0, 5]));
        Assert.True(two.WithPod(s_pod, pod, null).WithPod(s_other, pod, null).NamespaceOf([10, 244, 0, 5]).IsEmpty);
    }

    [Fact]
    public void From_PodThatHasEnded_HasNoAddress()
    {
        var pod = new V1Pod { Spec = new V1PodSpec { HostNetwork = true }, Status = new V1PodStatus { Phase = "Running", PodIP = "10.0.0.1" } };
        Assert.Equal(new PodInfo(new([IPAddress.Parse("10.0.0.1")]), true), PodInfo.From(pod));
        pod.Status.Phase = "Succeeded";
        Assert.Null(PodInfo.From(pod));
    }

    [Theory]
    [InlineData("99.0.96.10.in-addr.arpa", "NoSuchName aa")]
    [InlineData("96.10.in-addr.arpa", "NoError aa")]
    [InlineData("20.0.96.10.in-addr.arpa", "NoError aa")]
    public void Find_ReverseWithoutFallthrough_IsAnsweredHere(string name, string expected)
    {
        ZoneSnapshot zone = ZoneCluster.Build(new ZoneOptions { Reverse = new(["10.in-addr.arpa"]), Fallthrough = default });

        string[] lines = ZoneCluster.Ask(name, RecordType.Ptr, zone: zone);

        Assert.Equal(expected, lines[0]);
        Assert.True(lines.Any(line => line.StartsWith("answer", StringComparison.Ordinal)) || lines.Any(line => line.StartsWith("authority 10.in-addr.arpa. 5 Soa", StringComparison.Ordinal)));
    }

    [Fact]
    public void Find_FallthroughOfTheDomain_LeavesUnknownNamesToOthers()
    {
        ZoneSnapshot zone = ZoneCluster.Build(new ZoneOptions { Fallthrough = new(["."]) });
        var answer = default(ZoneAnswer);
        var query = default(Query);
        query.Parse(Ask.Query("nobody.default.svc.cluster.local"));

        zone.Find(query, ref answer);

        Assert.Equal(ZoneVerdict.NotOurs, answer.Verdict);
    }
}
