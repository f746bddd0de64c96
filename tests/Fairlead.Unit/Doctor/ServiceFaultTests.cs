using System.Net;
using Fairlead.Doctor;
using Fairlead.Doctor.Diagnose;
using Fairlead.Doctor.Snapshot;
using k8s.Models;
using Xunit;

namespace Fairlead.Unit.Doctor;

/// <summary>A row a fault: what is taken from a healthy service, the finding's code, and a word of what it must say or advise.</summary>
public sealed class ServiceFaultTests
{
    private static readonly Dictionary<string, (Func<ServiceCase, ServiceCase> Harm, string Code, string Says)> Faults = new()
    {
        ["selector, a letter too many"] = (c => c with { Service = Given.Service("app=kubbia"), Slices = [] }, "selector-matches-nothing", "kubia-1 and 1 other: has app=kubia where app=kubbia is wanted"),
        ["selector, the command"] = (c => c with { Service = Given.Service("app=kubbia"), Slices = [] }, "selector-matches-nothing", "kubectl -n default set selector service/kubia 'app=kubia'"),
        ["selector, one of two labels"] = (c => c with { Service = Given.Service("app=kubia,tier=web"), Slices = [] }, "selector-matches-nothing", "has no label tier, where tier=web is wanted"),
        ["selector, no pod at all"] = (c => c with { Pods = [], Slices = [] }, "no-pods", "there is none in namespace default"),
        ["no selector, no endpoints"] = (c => c with { Service = Given.Service(""), Slices = [] }, "no-selector-no-endpoints", "nobody has given it endpoints"),
        ["named port that nobody has"] = (c => c with { Service = Given.Service(targetPort: "web"), Slices = [] }, "named-port-missing", "the containers name http (8080)"),
        ["named port, the command"] = (c => c with { Service = Given.Service(targetPort: "web"), Slices = [] }, "named-port-missing", "\"value\":\"http\""),
        ["target port undeclared, nobody looked"] = (c => c with { Service = Given.Service(targetPort: "80"), Seen = Observations.None }, "target-port-undeclared", "\"value\":8080"),
        ["the service's port for the target port"] = (c => Refused(c, 80, "0.0.0.0:8080"), "port-for-target-port", "\"value\":8080"),
        ["target port not listening"] = (c => Refused(c, 8081, "0.0.0.0:8080"), "target-port-not-listening", "sockets that listen: 8080"),
        ["nothing listens"] = (c => Refused(c, 8080), "target-port-not-listening", "no TCP socket of the pod listens"),
        ["bound to loopback"] = (c => Refused(c, 8080, "127.0.0.1:8080"), "bound-to-loopback", "listens at port 8080 of 127.0.0.1 only"),
        ["bound to IPv6 loopback"] = (c => Refused(c, 8080, "[::1]:8080"), "bound-to-loopback", "of ::1 only"),
        ["readiness probe"] = (c => Unready(c, pod => pod.Spec.Containers[0].ReadinessProbe = new V1Probe { Exec = new V1ExecAction { Command = ["ls", "/var/ready"] }, PeriodSeconds = 1 }),
            "readiness-probe-fails", "exec ls /var/ready every 1 s) does not succeed, not ready for 40 s"),
        ["readiness probe, its words"] = (c => Unready(c, pod => pod.Spec.Containers[0].ReadinessProbe = new V1Probe { HttpGet = new V1HTTPGetAction { Path = "/ok", Port = "http" } }), "readiness-probe-fails", "last output: \"Readiness probe failed: no\""),
        ["startup probe"] = (c => Unready(c, pod =>
        {
            pod.Spec.Containers[0].StartupProbe = new V1Probe { TcpSocket = new V1TCPSocketAction { Port = "1" } };
            pod.Status.ContainerStatuses[0].Started = false;
        }), "startup-probe-fails", "tcp :1"),
        ["readiness gate"] = (c => Unready(c, pod => pod.Spec.ReadinessGates = [new V1PodReadinessGate { ConditionType = "example.com/up" }]), "readiness-gate", "example.com/up is not True"),
        ["crash loop"] = (c => Unready(c, pod => pod.Status.ContainerStatuses[0].State = new V1ContainerState { Waiting = new V1ContainerStateWaiting { Reason = "CrashLoopBackOff", Message = "back-off 10s" } }), "container-waiting", "logs kubia-1 -c main --previous"),
        ["image"] = (c => Unready(c, pod => pod.Status.ContainerStatuses[0].State = new V1ContainerState { Waiting = new V1ContainerStateWaiting { Reason = "ImagePullBackOff", Message = "no such image" } }), "container-waiting", "no such image"),
        ["not scheduled"] = (c => Unready(c, pod => pod.Status.Conditions.Add(new V1PodCondition { Type = "PodScheduled", Status = "False", Message = "0/2 nodes are available" })), "pod-unscheduled", "0/2 nodes are available"),
        ["slice without a ready pod"] = (c => c with { Slices = [Given.Slice(c.Pods[0])] }, "slice-misses-pod", "pod/kubia-2 is ready and selected"),
        ["no slice"] = (c => c with { Slices = [] }, "slice-misses-pod", "the endpoint slice controller does not run"),
        ["slice with a pod that is gone"] = (c => c with { Pods = [c.Pods[0]] }, "slice-stale", "10.244.2.2 is an endpoint of it, but no pod has such an address"),
        ["endpoints by hand under another port name"] = (c => c with { Service = Given.Service(""), Slices = [Named(Given.Slice(Given.Pod(1)), "http")] }, "slice-port-name", "name \"http\""),
        ["stopped node"] = (c => c with { Nodes = [Given.Node(1), Given.Node(2, ready: false)] }, "node-not-ready", "Kubelet stopped posting"),
        ["pod on a stopped node"] = (c => Unready(c with { Nodes = [Given.Node(1, ready: false), Given.Node(2)] }, _ => { }), "pod-node-not-ready", "its node node1 is not Ready"),
        ["agent dead"] = (c => Seen(c, seen => seen with { Nodes = [new NodeSeen("node2", NodeState.Down, "fairlead node start node2")] }), "agent-down", "fairlead node start node2"),
        ["proxy hangs"] = (c => Seen(c, seen => seen with { Nodes = [new NodeSeen("node2", NodeState.Silent)] }), "proxy-silent", "port 10256"),
        ["node without power"] = (c => Seen(c, seen => seen with { Nodes = [new NodeSeen("node2", NodeState.Stopped, "fairlead node start node2 --name dev")] }), "node-stopped", "fairlead node start node2 --name dev"),
        ["kernel flushed"] = (c => Seen(c, seen => seen with { Kernel = [new KernelSeen("node2", 4, ["table ip fairlead is missing"], null, TimeSpan.Zero)] }), "kernel-differs", "table ip fairlead is missing"),
        ["kernel not readable"] = (c => Seen(c, seen => seen with { Kernel = [new KernelSeen("node2", 0, [], "EPERM", TimeSpan.Zero)] }), "kernel-unread", "EPERM"),
        ["DNS dead"] = (c => Seen(c, seen => seen with { Dns = [Given.Dns(DnsOutcome.Silent)] }), "dns-silent", "the service's address itself can be reached, so only the name fails"),
        ["DNS knows no such name"] = (c => Seen(c, seen => seen with { Dns = [Given.Dns(DnsOutcome.NoSuchName)] }), "dns-wrong", "DNS answers NXDOMAIN"),
        ["DNS answers something else"] = (c => Seen(c, seen => seen with { Dns = [Given.Dns(DnsOutcome.Answered, IPAddress.Parse("10.96.0.99"))] }), "dns-wrong", "DNS answers 10.96.0.99, not 10.96.0.7"),
        ["endpoint silent"] = (c => Seen(c, seen => seen with { Connects = [Given.Connect(Given.Address(1), 8080, ConnectOutcome.Silent)] }), "endpoint-silent", "10.244.1.2:8080 does not answer within a second"),
        ["cluster IP silent"] = (c => Seen(c, seen => seen with { Connects = [.. seen.Connects.Take(2), Given.Connect(Given.ClusterIp, 80, ConnectOutcome.Silent)] }), "cluster-ip-fails", "though its endpoints can be reached"),
        ["Local inside, no endpoint here"] = (c => OnlyNode1(c, spec => spec.InternalTrafficPolicy = "Local"), "internal-local-without-endpoint", "pods on node2 hang"),
        ["Local outside, no endpoint here"] = (c => OnlyNode1(c with { Service = Given.Service(type: "NodePort") }, spec => spec.ExternalTrafficPolicy = "Local"), "external-local-without-endpoint", "use node2 hang (node port 30123)"),
        ["health check port"] = (c => Seen(c, seen => seen with { HealthPorts = [new HttpSeen("node1", "http://n:1/healthz", "", 503, null, TimeSpan.Zero)] }), "health-check-port-wrong", "answers 503, not 200"),
        ["health check port, nobody there"] = (c => Seen(c, seen => seen with { HealthPorts = [new HttpSeen("node1", "http://n:1/healthz", "", null, "Connection refused", TimeSpan.Zero)] }), "health-check-port-silent", "Connection refused"),
        ["node port"] = (c => Seen(c with { Service = Given.Service(type: "NodePort") }, seen => seen with { Outside = [Given.Outside("172.18.0.2:30123", "node1", ConnectOutcome.Refused)] }), "node-port-fails", "172.18.0.2:30123 of node1 refuses connections"),
        ["balancer's address"] = (c => Balanced(c, ConnectOutcome.Silent), "balancer-fails", "172.18.0.200:80 does not answer"),
        ["balancer's address, in the source ranges"] = (c => Balanced(c, ConnectOutcome.Silent, "172.18.0.0/24"), "balancer-fails", "172.18.0.200:80 does not answer"),
        ["source ranges that nobody keeps"] = (c => Balanced(c, ConnectOutcome.Connected, "203.0.113.0/24"), "source-ranges-open", "lets 172.18.0.1 in"),
        ["balancer pending, refused"] = (c => c with { Service = Given.Service(type: "LoadBalancer"), Events = [Given.Event("Service", "kubia", "AllocationFailed", "no available IPs")] }, "balancer-pending", "no available IPs"),
        ["balancer pending, foreign class"] = (c => With(c with { Service = Given.Service(type: "LoadBalancer") }, spec => spec.LoadBalancerClass = "example.com/lb"), "balancer-pending", "class example.com/lb"),
        ["balancer pending, nobody there"] = (c => c with { Service = Given.Service(type: "LoadBalancer") }, "balancer-pending", "no load balancer runs"),
        ["alias of an address"] = (c => With(c with { Service = Given.Service("", type: "ExternalName"), Slices = [], Seen = Observations.None }, spec => spec.ExternalName = "10.0.0.1"), "external-name-is-address", "DNS cannot alias"),
    };

    public static TheoryData<string> Names => [.. Faults.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Service_WithAFault_FindsIt(string fault)
    {
        var (harm, code, says) = Faults[fault];

        var diagnosis = Judge.Service(harm(Given.Healthy()));

        Assert.False(diagnosis.IsHealthy);
        var found = diagnosis.Findings.Where(finding => finding.Code == code).ToList();
        Assert.True(found.Count > 0, $"found {string.Join(", ", diagnosis.Findings.Select(finding => finding.Code))}");
        Assert.Contains(found, finding => $"{finding.What} {finding.How} {finding.Mend}".Contains(says, StringComparison.Ordinal));
        Assert.All(diagnosis.Findings, finding => Assert.NotEmpty(finding.Mend));
    }

    [Fact]
    public void Service_Healthy_HasNoFindingAndAPath()
    {
        var diagnosis = Judge.Service(Given.Healthy());

        Assert.Empty(diagnosis.Findings);
        Assert.Equal(["objects", "name", "port", "pods", "slices", "kernel", "kernel", "connect", "connect", "connect"], diagnosis.Path.Select(step => step.Name));
    }

    [Theory]
    [InlineData("203.0.113.0/24", ConnectOutcome.Silent, "172.18.0.200:80 does not answer within a second to this machine, 172.18.0.1, which is not in them")]
    [InlineData("172.18.0.0/24", ConnectOutcome.Connected, "172.18.0.200:80 answers to this machine, 172.18.0.1, which is in them")]
    public void Service_SourceRangesThatAreKept_IsHealthyAndSaysWhomTheyLetIn(string range, object outcome, string says)
    {
        var diagnosis = Judge.Service(Balanced(Given.Healthy(), (ConnectOutcome)outcome, range));

        Assert.True(diagnosis.IsHealthy);
        Assert.Contains(says, Assert.Single(diagnosis.Findings, finding => finding.Code == "source-ranges").How);
    }

    [Fact]
    public void Service_LocalWithoutEndpoint_NodePortThatHangsIsNoFurtherFault()
    {
        var service = Seen(OnlyNode1(Given.Healthy() with { Service = Given.Service(type: "NodePort") }, spec => spec.ExternalTrafficPolicy = "Local"),
            seen => seen with { Outside = [Given.Outside("172.18.0.3:30123", "node2", ConnectOutcome.Silent)] });

        Assert.DoesNotContain(Judge.Service(service).Findings, finding => finding.Code == "node-port-fails");
    }

    [Fact]
    public void Service_ForeignCluster_SaysWhatWasNotLookedAt()
    {
        var diagnosis = Judge.Service(Given.Healthy() with { Seen = Observations.None });

        Assert.True(diagnosis.IsHealthy);
        Assert.Contains("no node of this cluster is on this machine", Assert.Single(diagnosis.NotLooked));
    }

    [Fact]
    public void Service_OnePodOfTwoUnready_IsAWarningOnly()
    {
        V1Pod[] pods = [Given.Pod(1), Given.Pod(2, ready: false)];

        var diagnosis = Judge.Service(Given.Healthy() with { Pods = pods, Slices = [Given.Slice(pods)] });

        Assert.Equal([Severity.Warning], diagnosis.Findings.Select(finding => finding.Severity));
    }

    [Theory]
    [InlineData("kubia", "kubia", 0)]
    [InlineData("kubia", "kubbia", 1)]
    [InlineData("", "abc", 3)]
    [InlineData("mysql", "kubia", 5)]
    public void Edits_OfTwoWords_AreLevenshteins(string left, string right, int edits) => Assert.Equal(edits, SelectorCheck.Edits(left, right));

    /// <summary>The service leads to a port at which both pods refuse; what listens is given.</summary>
    private static ServiceCase Refused(ServiceCase service, int target, params string[] listening) => service with
    {
        Service = Given.Service(targetPort: target.ToString()),
        Seen = service.Seen with
        {
            Connects = [Given.Connect(Given.Address(1), target, ConnectOutcome.Refused), Given.Connect(Given.Address(2), target, ConnectOutcome.Refused)],
            Sockets = [Given.Sockets(1, listening), Given.Sockets(2, listening)],
        },
    };

    private static ServiceCase Unready(ServiceCase service, Action<V1Pod> change)
    {
        var pod = Given.Pod(1, ready: false);
        change(pod);
        return service with { Pods = [pod], Slices = [Given.Slice(pod)], Events = [Given.Event("Pod", "kubia-1", "Unhealthy", "Readiness probe failed: no\n")] };
    }

    private static ServiceCase OnlyNode1(ServiceCase service, Action<V1ServiceSpec> change)
    {
        V1Pod[] pods = [Given.Pod(1)];
        return With(service with { Pods = pods, Slices = [Given.Slice(pods)] }, change);
    }

    private static ServiceCase With(ServiceCase service, Action<V1ServiceSpec> change)
    {
        change(service.Service.Spec);
        return service;
    }

    private static ServiceCase Seen(ServiceCase service, Func<Observations, Observations> change) => service with { Seen = change(service.Seen) };

    /// <summary>Behind 172.18.0.200, to which this machine, 172.18.0.1, connected.</summary>
    private static ServiceCase Balanced(ServiceCase service, ConnectOutcome outcome, params string[] ranges)
    {
        var balanced = Given.Service(type: "LoadBalancer");
        balanced.Spec.LoadBalancerSourceRanges = ranges;
        balanced.Status = new V1ServiceStatus { LoadBalancer = new V1LoadBalancerStatus { Ingress = [new V1LoadBalancerIngress { Ip = "172.18.0.200" }] } };
        return Seen(service with { Service = balanced }, seen => seen with { Outside = [Given.Outside("172.18.0.200:80", null, outcome)] });
    }

    private static V1EndpointSlice Named(V1EndpointSlice slice, string name)
    {
        slice.Ports[0].Name = name;
        return slice;
    }
}
