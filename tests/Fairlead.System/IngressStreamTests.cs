using System.Net;
using System.Net.Http.Headers;
using System.Net.WebSockets;
using System.Text;
using Fairlead.Testing;
using Xunit;
using static Fairlead.System.IngressCalls;

namespace Fairlead.System;

/// <summary>Conversations through the ingress of a started cluster: WebSockets, server-sent events, gRPC.</summary>
public sealed class IngressStreamTests(Cluster cluster)
{
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

    [Theory]
    [InlineData("ws")]
    [InlineData("wss")]
    public async Task WebSocket_Talks_AndStays_WhenItsIngressGoes(string scheme)
    {
        await using var kubectl = await cluster.NamespaceAsync();
        var (host, address) = await TalkerAsync(kubectl);
        using var client = await ConnectAsync(scheme, host, address);
        Assert.Equal("talker hello", await SayAsync(client, "hello"));

        await kubectl.RunAsync("annotate", "ingress", "talker", "nginx.ingress.kubernetes.io/proxy-read-timeout=50");
        await kubectl.RunAsync("delete", "ingress", "talker");
        await Until.AsyncHolds(() => StatusAsync(address, $"http://{host}/"), status => status == "404", "the route is gone");

        Assert.Equal("talker still here", await SayAsync(client, "still here"));
        await client.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None).WaitAsync(Soon);
        Assert.Equal(WebSocketCloseStatus.NormalClosure, client.CloseStatus);
    }

    /// <summary>The second event is a minute away: nothing waits for it.</summary>
    [Theory]
    [InlineData("http", "--http1.1")]
    [InlineData("https", "--http1.1")]
    [InlineData("https", "--http2")]
    public async Task Events_ArriveAsTheyAreSent(string scheme, string version)
    {
        await using var kubectl = await cluster.NamespaceAsync();
        var (host, address) = await TalkerAsync(kubectl);

        var asked = CurlAsync(address, $"{scheme}://{host}/events?every=60000", "-N", version, "--max-time", "1.5");
        var several = await CurlAsync(address, $"{scheme}://{host}/events?every=100", "-N", version, "--max-time", "1.5");
        var first = await asked;

        // 28: curl's own patience was over.
        Assert.Equal((28, "data: talker 1\n\n"), (first.Code, first.Output));
        Assert.StartsWith("data: talker 1\n\ndata: talker 2\n\ndata: talker 3\n\n", several.Output, StringComparison.Ordinal);
    }

    /// <summary>grpcs is the ingress again, which speaks TLS, behind a Service of the namespace.</summary>
    [Theory]
    [InlineData("grpc")]
    [InlineData("grpcs")]
    public async Task Grpc_ByCurl_IsAnsweredWithTrailers(string protocol)
    {
        await using var kubectl = await cluster.NamespaceAsync();
        var (_, address) = await TalkerAsync(kubectl);
        var host = $"{protocol}-{kubectl.Namespace}.example.com";
        var folder = Directory.CreateTempSubdirectory("fairlead-grpc-").FullName;
        await File.WriteAllBytesAsync($"{folder}/question", [0, 0, 0, 0, 0]);

        var said = await CurlAsync(address, $"https://{host}/grpc.health.v1.Health/Check", "--http2", "-H", "Content-Type: application/grpc", "-H", "TE: trailers",
            "--data-binary", $"@{folder}/question", "-D", $"{folder}/fields", "-o", $"{folder}/answer");

        Assert.Equal(0, said.Code);
        Assert.Equal([0, 0, 0, 0, 2, 8, 1], await File.ReadAllBytesAsync($"{folder}/answer"));
        var fields = await File.ReadAllTextAsync($"{folder}/fields");
        Assert.StartsWith("HTTP/2 200", fields, StringComparison.Ordinal);
        Assert.Contains("grpc-status: 0", fields, StringComparison.Ordinal);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Grpc_StreamsInBothDirections()
    {
        await using var kubectl = await cluster.NamespaceAsync();
        var (_, address) = await TalkerAsync(kubectl);
        using var http = new HttpClient(Anybody());
        using var content = new SpokenBody();
        content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        using var request = new HttpRequestMessage(HttpMethod.Post, $"https://{address}/fairlead.Test/Talk")
        {
            Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = content, Headers = { Host = $"grpc-{kubectl.Namespace}.example.com" },
        };

        var sending = http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        var up = await content.Stream.Task.WaitAsync(Soon);
        Stream? down = null;
        HttpResponseMessage? answer = null;
        for (byte number = 1; number <= 3; number++)
        {
            byte[] message = [0, 0, 0, 0, 1, number], back = new byte[6];
            await up.WriteAsync(message);
            await up.FlushAsync();
            answer ??= await sending.WaitAsync(Soon);
            down ??= await answer.Content.ReadAsStreamAsync();
            await down.ReadExactlyAsync(back).AsTask().WaitAsync(Soon);
            Assert.Equal(message, back);
        }
        content.End.SetResult();

        Assert.Equal(0, await down!.ReadAsync(new byte[1]).AsTask().WaitAsync(Soon));
        Assert.Equal(["0"], answer!.TrailingHeaders.GetValues("grpc-status"));
        Assert.Equal(["talker"], answer.Headers.GetValues("x-served-by"));
        answer.Dispose();
    }

    /// <summary>A pod that speaks all of it, ready by its gRPC probe, behind one host for HTTP and one for gRPC. Answers the first host, and the address.</summary>
    private static async Task<(string Host, string Address)> TalkerAsync(Kubectl kubectl)
    {
        var host = $"{kubectl.Namespace}.example.com";
        await kubectl.ApplyAsync($$"""
            apiVersion: v1
            kind: Pod
            metadata: { name: talker, labels: { app: talker } }
            spec:
              terminationGracePeriodSeconds: 0
              containers:
              - { name: c, image: fairlead/host, command: [fairlead, echo, --grpc-port, "9090"], readinessProbe: { grpc: { port: 9090 }, periodSeconds: 1 } }
            ---
            apiVersion: v1
            kind: Service
            metadata: { name: talker }
            spec: { selector: { app: talker }, ports: [ { name: http, port: 80, targetPort: 8080 }, { name: grpc, port: 9090 } ] }
            ---
            apiVersion: networking.k8s.io/v1
            kind: Ingress
            metadata: { name: talker }
            spec: { rules: [ { host: {{host}}, http: { paths: [ { path: /, pathType: Prefix, backend: { service: { name: talker, port: { name: http } } } } ] } } ] }
            ---
            apiVersion: networking.k8s.io/v1
            kind: Ingress
            metadata: { name: grpc, annotations: { nginx.ingress.kubernetes.io/backend-protocol: GRPC } }
            spec: { rules: [ { host: grpc-{{host}}, http: { paths: [ { path: /, pathType: Prefix, backend: { service: { name: talker, port: { name: grpc } } } } ] } } ] }
            ---
            apiVersion: v1
            kind: Service
            metadata: { name: again }
            spec: { type: ExternalName, externalName: ingress.fairlead-system.svc.cluster.local }
            ---
            apiVersion: networking.k8s.io/v1
            kind: Ingress
            metadata: { name: grpcs, annotations: { nginx.ingress.kubernetes.io/backend-protocol: GRPCS, nginx.ingress.kubernetes.io/upstream-vhost: grpc-{{host}} } }
            spec: { rules: [ { host: grpcs-{{host}}, http: { paths: [ { path: /, pathType: Prefix, backend: { service: { name: again, port: { number: 443 } } } } ] } } ] }
            """);
        await kubectl.WaitForEndpointsAsync("talker", 1);
        var address = await AddressAsync(kubectl, "talker");
        await ServesAsync(address, $"http://{host}/");
        return (host, address);
    }

    private static async Task<ClientWebSocket> ConnectAsync(string scheme, string host, string address)
    {
        var client = new ClientWebSocket();
        client.Options.SetRequestHeader("Host", host);
#pragma warning disable CA5359 // Its certificate is its own.
        client.Options.RemoteCertificateValidationCallback = (_, _, _, _) => true;
#pragma warning restore CA5359
        await client.ConnectAsync(new Uri($"{scheme}://{address}/chat"), CancellationToken.None).WaitAsync(Soon);
        return client;
    }

    private static async Task<string> SayAsync(ClientWebSocket client, string text)
    {
        var buffer = new byte[1024];
        await client.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, true, CancellationToken.None);
        var received = await client.ReceiveAsync(buffer, CancellationToken.None).WaitAsync(Soon);
        return Encoding.UTF8.GetString(buffer, 0, received.Count);
    }

#pragma warning disable CA5359 // Its certificate is its own.
    private static SocketsHttpHandler Anybody() => new() { SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true } };
#pragma warning restore CA5359
}
