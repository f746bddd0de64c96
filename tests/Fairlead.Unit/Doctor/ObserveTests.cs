using System.Net;
using Fairlead.Doctor;
using Fairlead.Doctor.Diagnose;
using Fairlead.Doctor.Observe;
using Fairlead.Doctor.Report;
using Fairlead.Doctor.Snapshot;
using Fairlead.Doctor.Trace;
using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Doctor;

public sealed class ObserveTests
{
    private const string Resolv = "search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n";

    [Theory]
    [InlineData("kubia", "kubia.default.svc.cluster.local|kubia.svc.cluster.local|kubia.cluster.local|kubia")]
    [InlineData("a.b.c.d.e.f", "a.b.c.d.e.f|a.b.c.d.e.f.default.svc.cluster.local|a.b.c.d.e.f.svc.cluster.local|a.b.c.d.e.f.cluster.local")]
    [InlineData("kubia.", "kubia")]
    public void ResolvConf_Name_IsAskedInTheOrderOfTheSearchList(string name, string expected) =>
        Assert.Equal(expected.Split('|'), ResolvConf.Parse(Resolv).Candidates(name));

    [Fact]
    public void SocketTable_LinesOfTheKernel_AreListeningSockets()
    {
        string[] tcp = ["  sl  local_address rem_address   st", "   0: 0100007F:1F90 00000000:0000 0A 0:0", "   1: 0202F40A:1F90 0302F40A:D431 01 0:0"];
        string[] tcp6 = ["head", "   0: 00000000000000000000000000000000:1F91 00000000000000000000000000000000:0000 0A", "   1: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A"];

        Assert.Equal([new ListeningSocket("TCP", IPAddress.Loopback, 8080)], SocketTable.Parse("TCP", tcp));
        Assert.Equal([new ListeningSocket("TCP", IPAddress.IPv6Any, 8081), new ListeningSocket("TCP", IPAddress.IPv6Loopback, 80)], SocketTable.Parse("TCP", tcp6));
        Assert.True(new ListeningSocket("TCP", IPAddress.Parse("::ffff:127.0.0.1"), 1).IsLoopback);
    }

    [Fact]
    public void DnsMessage_AliasAndAddress_AreRead()
    {
        byte[] name = [1, (byte)'a', 1, (byte)'b', 0];
        byte[] message = [0, 7, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0, .. name, 0, 1, 0, 1, 0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 5, 0, 4, 1, (byte)'c', 0xc0, 14, 0xc0, 27, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 10, 0, 0, 1];

        var answer = DnsMessage.Read(message, 7, "a.b", TimeSpan.Zero);

        Assert.NotNull(answer);
        Assert.Equal((DnsOutcome.Answered, "c.b"), (answer.Outcome, answer.Alias));
        Assert.Equal([IPAddress.Parse("10.0.0.1")], answer.Addresses);
        Assert.Null(DnsMessage.Read(message, 8, "a.b", TimeSpan.Zero));
    }

    [Fact]
    public void DnsMessage_CutAnywhere_IsNoAnswerAndNoException()
    {
        byte[] message = [0, 7, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, 1, (byte)'a', 0, 0, 1, 0, 1, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 10, 0, 0, 1];

        for (var length = 0; length < message.Length; length++) Assert.Null(DnsMessage.Read(message.AsSpan(0, length), 7, "a", TimeSpan.Zero));
        Assert.NotNull(DnsMessage.Read(message, 7, "a", TimeSpan.Zero));
    }

    [Theory]
    [InlineData("ClusterFirst", Resolv, nameof(DnsOutcome.Answered), null)]
    [InlineData("Default", "nameserver 8.8.8.8\n", nameof(DnsOutcome.Answered), "pod-uses-node-dns")]
    [InlineData("ClusterFirst", "search default.svc.cluster.local\nnameserver 10.96.0.99\n", nameof(DnsOutcome.Answered), "pod-nameserver")]
    [InlineData("ClusterFirst", "nameserver 10.96.0.10\n", nameof(DnsOutcome.Answered), "pod-search-list")]
    [InlineData("ClusterFirst", Resolv, nameof(DnsOutcome.Silent), "dns-silent")]
    [InlineData("ClusterFirst", Resolv, nameof(DnsOutcome.NoSuchName), "dns-wrong")]
    public void Pod_AsAClient_ItsResolverIsJudged(string policy, string resolv, string outcome, string? code)
    {
        var pod = Given.Pod(1);
        pod.Spec.DnsPolicy = policy;

        var diagnosis = Judge.Pod(new PodCase
        {
            Pod = pod, ResolvConf = resolv, Answer = Given.Dns(Enum.Parse<DnsOutcome>(outcome), Given.ClusterIp), Now = Given.Now,
            Dns = new V1Service { Spec = new V1ServiceSpec { ClusterIP = "10.96.0.10" } }, Seen = new Observations { HasNodes = true, Sockets = [Given.Sockets(1, "0.0.0.0:8080")] },
        });

        Assert.Equal(code is null ? [] : [code], diagnosis.Findings.Select(finding => finding.Code));
    }

    [Fact]
    public void Pod_DeclaresAPortThatNobodyListensAt_IsTold()
    {
        var diagnosis = Judge.Pod(new PodCase { Pod = Given.Pod(1), Now = Given.Now, Seen = new Observations { HasNodes = true, Sockets = [Given.Sockets(1, "127.0.0.1:8080")] } });

        Assert.Contains("127.0.0.1:8080", Assert.Single(diagnosis.Findings, finding => finding.Code == "declared-port-not-listening").How);
    }

    [Theory]
    [InlineData(80, null)]
    [InlineData(8080, "target-port-used")]
    [InlineData(81, "no-such-service-port")]
    public void Trace_PortOfTheService_IsItsPortNotItsTargetPort(int port, string? code)
    {
        var view = new ClusterView { Services = [Given.Service()], Pods = [Given.Pod(1)] };

        Assert.Equal(code, view.Misdirected(new IPEndPoint(Given.ClusterIp, port))?.Code);
    }

    [Fact]
    public void Reports_OfADiagnosis_SayTheSame()
    {
        var diagnosis = new Diagnosis("svc/kubia", "default", "ClusterIP 10.96.0.7", [new PathStep("name", "node1", TimeSpan.FromMilliseconds(1.5))], [new Finding(Severity.Problem, "dns-silent", "svc/kube-dns", "it is \"silent\"", "asked", "restart")], []);
        var text = new StringWriter();

        new TextReport(text, colours: false, command => command).Write(diagnosis);
        using var json = System.Text.Json.JsonDocument.Parse(JsonReport.Write([diagnosis]));

        Assert.Contains("✗ svc/kube-dns: it is \"silent\"  [dns-silent]", text.ToString());
        Assert.Contains("1.5 ms", text.ToString());
        Assert.False(json.RootElement.GetProperty("healthy").GetBoolean());
        Assert.Equal("dns-silent", json.RootElement.GetProperty("diagnoses")[0].GetProperty("findings")[0].GetProperty("code").GetString());
    }

    [Fact]
    public void ReportOfAll_FaultThatManyServicesShare_StandsOnce()
    {
        var hung = new Finding(Severity.Problem, "proxy-silent", "node/node2", "it hangs", "asked", "start it");
        Diagnosis[] all = [.. Enumerable.Range(1, 3).Select(i => new Diagnosis($"svc/s{i}", "default", "ClusterIP", [], i == 1 ? [hung, new Finding(Severity.Problem, "no-pods", "svc/s1", "nobody", "looked", "make one")] : [hung], []))];
        var text = new StringWriter();

        new TextReport(text, colours: false, command => command.Replace("fairlead", "out/fairlead", StringComparison.Ordinal)).WriteShort(all);

        Assert.Equal("✗ default/s1   ClusterIP\n    svc/s1: nobody\n✗ default/s2   ClusterIP\n✗ default/s3   ClusterIP\n✗ node/node2: it hangs (tells on 3 services)\n0 healthy, 3 not; `out/fairlead doctor svc/NAME -n NAMESPACE` tells more\n", text.ToString());
    }

    [Theory]
    [InlineData("svc/kubia", "svc", "kubia")]
    [InlineData("service/kubia", "svc", "kubia")]
    [InlineData("ing/web", "ingress", "web")]
    [InlineData("pods/a", "pod", "a")]
    [InlineData("kubia", "svc", "kubia")]
    public void Patient_AsKubectlNamesIt_IsRead(string text, string kind, string name) => Assert.Equal(new Patient(kind, name), Patient.Parse(text));

    [Theory]
    [InlineData("deployment/x")]
    [InlineData("svc/")]
    [InlineData("a/b/c")]
    public void Patient_OfAnotherKind_IsNone(string text) => Assert.Null(Patient.Parse(text));
}
