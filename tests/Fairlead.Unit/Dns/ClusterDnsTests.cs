using System.Net;
using System.Net.Sockets;
using Fairlead.Dns;
using Fairlead.Dns.Forward;
using Fairlead.Dns.Wire;
using Fairlead.Kube;
using Fairlead.Kube.Client;
using Fairlead.Unit.ApiServer;
using Fairlead.Unit.Dns.Forward;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Fairlead.Unit.Dns;

/// <summary>From the API to answers on the wire.</summary>
public sealed class ClusterDnsTests : IAsyncLifetime
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);
    private readonly CancellationTokenSource _stop = new();
    private readonly ScriptedServer _upstream = new((query, _) => [ScriptedServer.Answer(query)]);
    private readonly ScriptedServer _stub = new((query, _) => [ScriptedServer.Answer(query, "192.0.2.7")]);
    private TestApiServer _server = null!;
    private ClusterDns _dns = null!;
    private Task _run = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await TestApiServer.StartAsync();
        var options = new ClusterDnsOptions { Listen = [new IPEndPoint(IPAddress.Loopback, 0)], Blocks = [new() { Forward = [Rule("consul.local", _stub), Rule(".", _upstream)] }], Workers = 2 };
        _dns = new ClusterDns(_server.Client, options, NullLoggerFactory.Instance, TimeProvider.System);
        _run = _dns.RunAsync(_stop.Token);
        await _dns.Ready.WaitAsync(s_patience);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _run.WaitAsync(s_patience);
        await _server.DisposeAsync();
        await _upstream.DisposeAsync();
        await _stub.DisposeAsync();
        _stop.Dispose();
    }

    [Fact]
    public async Task RunAsync_ServiceComesAndGoes_SoDoesItsName()
    {
        Assert.Equal("NoSuchName aa", (await AskAsync("web.default.svc.cluster.local"))[0]);
        V1Service service = await _server.Client.CreateAsync(ApiResources.Services, Service("web", new V1ServiceSpec { Ports = [new V1ServicePort { Port = 80 }] }), CancellationToken.None);

        await UntilAsync("web.default.svc.cluster.local", $"answer web.default.svc.cluster.local. 5 A {service.Spec.ClusterIP}");
        await _server.Client.DeleteAsync(ApiResources.Services, ObjectKey.Of(service), null, CancellationToken.None);
        await UntilAsync("web.default.svc.cluster.local", "NoSuchName aa");
    }

    [Fact]
    public async Task RunAsync_Headless_FollowsItsReadyEndpoints()
    {
        await _server.Client.CreateAsync(ApiResources.Services, Service("pets", new V1ServiceSpec { ClusterIP = "None" }), CancellationToken.None);
        V1EndpointSlice slice = await _server.Client.CreateAsync(ApiResources.EndpointSlices, new V1EndpointSlice
        {
            Metadata = new V1ObjectMeta { Name = "pets-1", NamespaceProperty = "default", Labels = new Dictionary<string, string> { ["kubernetes.io/service-name"] = "pets" } },
            AddressType = "IPv4",
            Endpoints = [new V1Endpoint { Addresses = ["10.244.0.5"], Hostname = "pet-0" }, new V1Endpoint { Addresses = ["10.244.0.6"], Conditions = new V1EndpointConditions { Ready = false } }],
        }, CancellationToken.None);

        await UntilAsync("pets.default.svc.cluster.local", "answer pets.default.svc.cluster.local. 5 A 10.244.0.5");
        await UntilAsync("pet-0.pets.default.svc.cluster.local", "answer pet-0.pets.default.svc.cluster.local. 5 A 10.244.0.5");
        slice.Endpoints[1].Conditions.Ready = true;
        await _server.Client.ReplaceAsync(ApiResources.EndpointSlices, slice, null, CancellationToken.None);
        await UntilAsync("pets.default.svc.cluster.local", "answer pets.default.svc.cluster.local. 5 A 10.244.0.6");
    }

    [Fact]
    public async Task RunAsync_ExternalName_LeadsToItsAddress()
    {
        await _server.Client.CreateAsync(ApiResources.Services, Service("ext", new V1ServiceSpec { Type = "ExternalName", ExternalName = "someapi.somecompany.com" }), CancellationToken.None);
        await UntilAsync("ext.default.svc.cluster.local", "answer ext.default.svc.cluster.local. 5 Cname someapi.somecompany.com.");

        string[] lines = await AskAsync("ext.default.svc.cluster.local");

        Assert.Equal(
            ["NoError aa", "? ext.default.svc.cluster.local. A", "answer ext.default.svc.cluster.local. 5 Cname someapi.somecompany.com."],
            lines[..3]);
        Assert.Matches("answer someapi.somecompany.com. (30|29|60) A 192.0.2.1", lines[3]);
    }

    [Fact]
    public async Task RunAsync_ExternalNameInTheCluster_LeadsThroughTheZone()
    {
        await _server.Client.CreateAsync(ApiResources.Services, Service("alias", new V1ServiceSpec { Type = "ExternalName", ExternalName = "kubernetes.default.svc.cluster.local" }), CancellationToken.None);
        await UntilAsync("alias.default.svc.cluster.local", "answer kubernetes.default.svc.cluster.local. 5 A 10.96.0.1");
        await _server.Client.CreateAsync(ApiResources.Services, Service("loop", new V1ServiceSpec { Type = "ExternalName", ExternalName = "loop.default.svc.cluster.local" }), CancellationToken.None);
        await UntilAsync("loop.default.svc.cluster.local", "ServerFailure");
    }

    [Fact]
    public async Task RunAsync_NameOfOthers_IsForwarded()
    {
        Assert.Contains("answer example.com. 60 A 192.0.2.1", await AskAsync("example.com"));
        Assert.Equal("NoError", (await AskAsync("9.9.9.9.in-addr.arpa"))[0]);
    }

    [Fact]
    public async Task RunAsync_NameOfAStubDomain_IsAskedOfItsServer()
    {
        Assert.Contains("answer web.service.consul.local. 60 A 192.0.2.7", await AskAsync("web.service.consul.local"));
        Assert.Contains("answer consul.local. 60 A 192.0.2.7", await AskAsync("consul.local"));
        Assert.Contains("answer notconsul.local. 60 A 192.0.2.1", await AskAsync("notconsul.local"));
    }

    [Fact]
    public async Task RunAsync_Tcp_AnswersPipelinedQuestionsAndClosedHalves()
    {
        using var client = new TcpClient();
        await client.ConnectAsync(_dns.Addresses[0]);
        NetworkStream stream = client.GetStream();
        foreach (ushort id in (ReadOnlySpan<ushort>)[1, 2, 3])
        {
            byte[] query = Ask.Query(id == 2 ? "example.com" : "kubernetes.default.svc.cluster.local", id: id);
            stream.Write([(byte)(query.Length >> 8), (byte)query.Length, .. query]);
        }
        client.Client.Shutdown(SocketShutdown.Send);
        using var patience = new CancellationTokenSource(s_patience);
        var ids = new List<int>();
        byte[] head = new byte[2];
        while (await stream.ReadAtLeastAsync(head, 2, throwOnEndOfStream: false, patience.Token) == 2)
        {
            byte[] response = new byte[head[0] << 8 | head[1]];
            await stream.ReadExactlyAsync(response, patience.Token);
            ids.Add(response[1]);
            Assert.Equal(2, Ask.Lines(response).Count(line => line.StartsWith("NoError", StringComparison.Ordinal) || line.StartsWith("answer", StringComparison.Ordinal)));
        }
        Assert.Equal([1, 2, 3], ids.Order());
    }

    private static ForwardRule Rule(string domain, ScriptedServer server) => new() { Domain = domain, Servers = [new UpstreamServer(server.Address)] };

    private static V1Service Service(string name, V1ServiceSpec spec) => new() { Metadata = new V1ObjectMeta { Name = name, NamespaceProperty = "default" }, Spec = spec };

    private async Task UntilAsync(string name, string line)
    {
        long start = TimeProvider.System.GetTimestamp();
        string[] lines = await AskAsync(name);
        while (!lines.Contains(line))
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < s_patience, $"{line} expected, last seen: {string.Join("; ", lines)}");
            lines = await AskAsync(name);
        }
    }

    private async Task<string[]> AskAsync(string name)
    {
        using var patience = new CancellationTokenSource(s_patience);
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        await socket.ConnectAsync(_dns.Addresses[0], patience.Token);
        await socket.SendAsync(Ask.Query(name), patience.Token);
        byte[] buffer = new byte[4096];
        int length = await socket.ReceiveAsync(buffer, patience.Token);
        return Ask.Lines(buffer.AsSpan(0, length));
    }
}
