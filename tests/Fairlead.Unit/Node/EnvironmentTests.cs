using System.Collections.Immutable;
using Fairlead.Kube;
using Fairlead.Node.Environment;
using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Node;

public sealed class EnvironmentTests
{
    [Theory]
    [InlineData("$(A)", "1")]
    [InlineData("a$(A)b$(B)", "a1b2")]
    [InlineData("$(MISSING)", "$(MISSING)")]
    [InlineData("$$(A)", "$(A)")]
    [InlineData("$$$(A)", "$1")]
    [InlineData("$A", "$A")]
    [InlineData("$(A", "$(A")]
    [InlineData("$", "$")]
    [InlineData("$$", "$")]
    [InlineData("no", "no")]
    public void Expansion_OfText_FollowsKubernetes(string text, string expected) =>
        Assert.Equal(expected, Expansion.Expand(text, new Dictionary<string, string> { ["A"] = "1", ["B"] = "2" }));

    [Fact]
    public void ServiceVariables_OfAService_AreBothFamilies()
    {
        var service = new ServiceFacts(new ObjectKey("default", "kubia-web"), "10.96.0.7", [new("http", 80, "TCP"), new("dns", 53, "UDP")]);
        var variables = ServiceVariables.Of([service], "default", enabled: true).Select(pair => $"{pair.Key}={pair.Value}");
        Assert.Equal(
            [
                "KUBIA_WEB_SERVICE_HOST=10.96.0.7", "KUBIA_WEB_SERVICE_PORT=80", "KUBIA_WEB_SERVICE_PORT_HTTP=80", "KUBIA_WEB_SERVICE_PORT_DNS=53",
                "KUBIA_WEB_PORT=tcp://10.96.0.7:80",
                "KUBIA_WEB_PORT_80_TCP=tcp://10.96.0.7:80", "KUBIA_WEB_PORT_80_TCP_PROTO=tcp", "KUBIA_WEB_PORT_80_TCP_PORT=80", "KUBIA_WEB_PORT_80_TCP_ADDR=10.96.0.7",
                "KUBIA_WEB_PORT_53_UDP=udp://10.96.0.7:53", "KUBIA_WEB_PORT_53_UDP_PROTO=udp", "KUBIA_WEB_PORT_53_UDP_PORT=53", "KUBIA_WEB_PORT_53_UDP_ADDR=10.96.0.7",
            ],
            variables);
    }

    [Theory]
    [InlineData("default", true, "KUBERNETES_SERVICE_HOST MINE_SERVICE_HOST")]
    [InlineData("default", false, "KUBERNETES_SERVICE_HOST")]
    [InlineData("other", true, "KUBERNETES_SERVICE_HOST THEIRS_SERVICE_HOST")]
    public void ServiceVariables_OfManyServices_AreOfOneNamespaceAndTheApiServer(string ns, bool enabled, string expected)
    {
        ServiceFacts[] services = [Service("default", "kubernetes"), Service("default", "mine"), Service("other", "theirs")];
        var hosts = ServiceVariables.Of(services, ns, enabled).Select(pair => pair.Key).Where(key => key.EndsWith("_SERVICE_HOST"));
        Assert.Equal(expected, string.Join(' ', hosts));
    }

    [Theory]
    [InlineData("ClusterFirst", false, "search ns.svc.cluster.local svc.cluster.local cluster.local corp\nnameserver 10.96.0.10\noptions ndots:5\n")]
    [InlineData("ClusterFirst", true, "search corp\nnameserver 192.0.2.53\noptions edns0\n")]
    [InlineData("ClusterFirstWithHostNet", true, "search ns.svc.cluster.local svc.cluster.local cluster.local corp\nnameserver 10.96.0.10\noptions ndots:5\n")]
    [InlineData("Default", false, "search corp\nnameserver 192.0.2.53\noptions edns0\n")]
    [InlineData("None", false, "")]
    public void ResolverFile_ByPolicy_NamesTheRightServers(string policy, bool hostNetwork, string expected)
    {
        var node = ResolverSettings.Parse(["# comment", "search corp", "nameserver 192.0.2.53", "options edns0"]);
        var pod = Pod();
        pod.Spec.DnsPolicy = policy;
        pod.Spec.HostNetwork = hostNetwork;
        Assert.Equal(expected, ResolverFile.For(pod, node, "10.96.0.10", "cluster.local").ToString());
    }

    [Fact]
    public void ResolverFile_DnsConfig_ComesOnTop()
    {
        var pod = Pod();
        pod.Spec.DnsConfig = new V1PodDNSConfig
        {
            Nameservers = ["1.1.1.1"],
            Searches = ["my.corp"],
            Options = [new V1PodDNSConfigOption { Name = "ndots", Value = "2" }, new V1PodDNSConfigOption { Name = "edns0" }],
        };
        Assert.Equal(
            "search ns.svc.cluster.local svc.cluster.local cluster.local my.corp\nnameserver 10.96.0.10\nnameserver 1.1.1.1\noptions ndots:2 edns0\n",
            ResolverFile.For(pod, ResolverSettings.Empty, "10.96.0.10", "cluster.local").ToString());
    }

    [Theory]
    [InlineData("metadata.name", "web")]
    [InlineData("metadata.labels['app']", "kubia")]
    [InlineData("metadata.annotations['none']", "")]
    [InlineData("spec.serviceAccountName", "default")]
    [InlineData("status.podIP", "10.244.0.9")]
    [InlineData("status.hostIP", "192.0.2.1")]
    [InlineData("status.phase", null)]
    public void FieldPath_Read_AnswersAsTheDownwardApi(string path, string? expected) =>
        Assert.Equal(expected, FieldPaths.Read(Pod(), path, new("10.244.0.9", "192.0.2.1")));

    private static ServiceFacts Service(string ns, string name) => new(new ObjectKey(ns, name), "10.96.0.1", [new(null, 80, "TCP")]);

    private static V1Pod Pod() => new()
    {
        Metadata = new V1ObjectMeta { Name = "web", NamespaceProperty = "ns", Labels = new Dictionary<string, string> { ["app"] = "kubia" } },
        Spec = new V1PodSpec { Containers = [] },
    };
}
