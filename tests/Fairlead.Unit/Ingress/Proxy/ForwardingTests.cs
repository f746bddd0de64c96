using System.Net;
using System.Net.WebSockets;
using System.Text;
using Fairlead.Unit.Ingress.Routes;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Fairlead.Unit.Ingress.Proxy;

/// <summary>From a client's socket to a pod's and back.</summary>
public sealed class ForwardingTests
{
    private const string Host = "kubia.example.com";

    [Fact]
    public async Task Request_GoesToThePodAsItCame_WithWhoAsked()
    {
        await using var pod = await Pod.StartAsync("a");
        await using var front = Front.Start();
        front.Service("web", pod).Objects.Ingress("one", Host, ["Prefix /"]);
        front.Commit();

        var answer = await front.GetAsync(Host, "/a%2Fb/%41?x=%20y", "X-Forwarded-For: 1.2.3.4", "X-Request-ID: given", "Proxy: evil", "Accept-Language: é");

        Assert.Equal((200, "a"), (Front.Status(answer), Front.Body(answer)));
        Assert.True(pod.Seen.TryDequeue(out var seen));
        Assert.Equal("/a%2Fb/%41?x=%20y", seen.Target);
        var client = front.Http.Address.ToString();
        foreach (var (name, value) in new Dictionary<string, string?>
        {
            ["Host"] = Host, ["X-Forwarded-Host"] = Host, ["X-Forwarded-Port"] = "80", ["X-Forwarded-Proto"] = "http", ["X-Forwarded-Scheme"] = "http", ["X-Scheme"] = "http",
            ["X-Original-Forwarded-For"] = "1.2.3.4", ["X-Request-ID"] = "given", ["Proxy"] = null,
        })
        {
            Assert.Equal(value, seen.Fields.GetValueOrDefault(name));
        }
        Assert.StartsWith("127.", seen.Fields["X-Real-IP"], StringComparison.Ordinal);
        Assert.Equal(seen.Fields["X-Real-IP"], seen.Fields["X-Forwarded-For"]);
        Assert.Equal($"for={seen.Fields["X-Real-IP"]};host={Host};proto=http", seen.Fields["Forwarded"]);
        Assert.NotNull(client);
    }

    [Fact]
    public async Task NoRule_404_NoEndpoint_503()
    {
        await using var front = Front.Start();
        front.Service("web", Array.Empty<Pod>()).Objects.Ingress("one", Host, ["Prefix /web", "Prefix /none nobody:80"]);
        front.Commit();

        Assert.Equal(404, Front.Status(await front.GetAsync("other.example.com", "/web")));
        Assert.Equal(404, Front.Status(await front.GetAsync(Host, "/")));
        Assert.Equal(503, Front.Status(await front.GetAsync(Host, "/web")));
        Assert.Equal(503, Front.Status(await front.GetAsync(Host, "/none")));
    }

    [Fact]
    public async Task DeadPod_AnotherAnswers_AlsoForPosts()
    {
        var dead = await Pod.StartAsync("dead");
        await dead.DisposeAsync();
        await using var alive = await Pod.StartAsync("alive");
        await using var front = Front.Start();
        front.Service("web", dead, alive).Objects.Ingress("one", Host, ["Prefix /"]);
        front.Commit();

        for (var i = 0; i < 10; i++)
        {
            Assert.Equal("alive", Front.Body(await front.GetAsync(Host, "/")));
            Assert.Equal("alive", Front.Body(await front.RawAsync($"POST / HTTP/1.1\r\nHost: {Host}\r\nContent-Length: 4\r\n\r\nbody")));
        }
    }

    [Fact]
    public async Task AllPodsDead_502()
    {
        var dead = await Pod.StartAsync("dead");
        await dead.DisposeAsync();
        await using var front = Front.Start();
        front.Service("web", dead).Objects.Ingress("one", Host, ["Prefix /"]);
        front.Commit();

        Assert.Equal(502, Front.Status(await front.GetAsync(Host, "/")));
    }

    [Theory]
    [InlineData("false", "GET")]
    [InlineData("true", "GET")]
    [InlineData("false", "POST")]
    [InlineData("true", "POST")]
    public async Task PodThatSaysNothing_504_WhenItsTimeIsOver(string cors, string method)
    {
        await using var pod = await Pod.StartAsync("a", context => Task.Delay(TimeSpan.FromMinutes(1), TimeProvider.System, context.RequestAborted));
        await using var front = Front.Start();
        front.Service("web", pod).Objects.Ingress("one", Host, ["Prefix /"], ("enable-cors", cors), ("proxy-read-timeout", "200ms"), ("proxy-send-timeout", method == "GET" ? "60" : "300ms"));
        front.Commit();

        Assert.Equal(504, Front.Status(await front.SendAsync(method, Host, "/", method == "GET" ? [] : ["Content-Length: 0"])));
        // It may not even have come to it; nobody asks twice.
        Assert.InRange(pod.Seen.Count, 0, 1);
    }

    [Fact]
    public async Task Affinity_ClientKeepsItsPod_OverChangesOfTheOthers()
    {
        await using var a = await Pod.StartAsync("a");
        await using var b = await Pod.StartAsync("b");
        await using var c = await Pod.StartAsync("c");
        await using var front = Front.Start();
        front.Service("web", a, b).Objects.Ingress("one", Host, ["Prefix /"], ("affinity", "cookie"), ("session-cookie-name", "route"), ("session-cookie-max-age", "60"));
        front.Commit();
        var first = await front.GetAsync(Host, "/");
        var cookie = Front.Field(first, "Set-Cookie")!;
        Assert.Matches("^route=[A-Za-z0-9_-]{22}; Max-Age=60; Path=/; HttpOnly$", cookie);
        var mine = Front.Body(first);
        string[] field = [$"Cookie: other=1; {cookie.Split(';')[0]}"];

        front.Service("web", c, b, a);
        front.Commit();
        for (var i = 0; i < 12; i++)
        {
            var answer = await front.GetAsync(Host, "/", field);
            Assert.Equal((mine, null), (Front.Body(answer), Front.Field(answer, "Set-Cookie")));
        }
        front.Service("web", c);
        var moved = await front.GetAsync(Host, "/", field);
        Assert.Equal("c", Front.Body(moved));
        Assert.NotNull(Front.Field(moved, "Set-Cookie"));
    }

    [Fact]
    public async Task RoundRobin_SharesEvenly()
    {
        await using var a = await Pod.StartAsync("a");
        await using var b = await Pod.StartAsync("b");
        await using var front = Front.Start();
        front.Service("web", a, b).Objects.Ingress("one", Host, ["Prefix /"]);
        front.Commit();

        for (var i = 0; i < 10; i++) await front.GetAsync(Host, "/");

        Assert.Equal((5, 5), (a.Seen.Count, b.Seen.Count));
    }

    [Fact]
    public async Task Rewrite_MakesTheTargetOfThePath()
    {
        await using var pod = await Pod.StartAsync("a");
        await using var front = Front.Start();
        front.Service("web", pod).Objects.Ingress("one", Host, ["ImplementationSpecific /something(/|$)(.*)"], ("rewrite-target", "/$2"), ("use-regex", "true"));
        front.Commit();

        foreach (var (target, expected) in new[] { ("/something", "/"), ("/something/", "/"), ("/something/new", "/new"), ("/something/a%20b?x=1", "/a%20b?x=1") })
        {
            await front.GetAsync(Host, target);
            Assert.True(pod.Seen.TryDequeue(out var seen));
            Assert.Equal(expected, seen.Target);
        }
    }

    [Fact]
    public async Task BodyTooLarge_413_DeclaredOrNot()
    {
        await using var pod = await Pod.StartAsync("a", async context =>
        {
            using var copy = new MemoryStream();
            await context.Request.Body.CopyToAsync(copy, context.RequestAborted);
            await context.Response.WriteAsync(copy.Length.ToString());
        });
        await using var front = Front.Start();
        front.Service("web", pod).Objects.Ingress("one", Host, ["Prefix /"], ("proxy-body-size", "1k"));
        front.Commit();
        var body = new string('x', 2000);

        Assert.Equal(413, Front.Status(await front.RawAsync($"POST / HTTP/1.1\r\nHost: {Host}\r\nContent-Length: 2000\r\n\r\n{body}")));
        Assert.Equal(413, Front.Status(await front.RawAsync($"POST / HTTP/1.1\r\nHost: {Host}\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n{body}\r\n0\r\n\r\n")));
        // What says how long the chunks are is none of the body.
        Assert.Equal("1024", Front.Body(await front.RawAsync($"POST / HTTP/1.1\r\nHost: {Host}\r\nTransfer-Encoding: chunked\r\n\r\n200\r\n{body[..512]}\r\n200\r\n{body[..512]}\r\n0\r\n\r\n")));
        Assert.Equal("1000", Front.Body(await front.RawAsync($"POST / HTTP/1.1\r\nHost: {Host}\r\nContent-Length: 1000\r\n\r\n{body[..1000]}")));
    }

    [Fact]
    public async Task WebSocket_PassesThrough_AndStaysWhenRoutesChange()
    {
        await using var pod = await Pod.StartAsync("a", async context =>
        {
            // By hand, as any server might: the handshake's answer, then bytes back as they come.
#pragma warning disable CA5350 // RFC 6455 says so.
            var key = Convert.ToBase64String(System.Security.Cryptography.SHA1.HashData(Encoding.ASCII.GetBytes(context.Request.Headers.SecWebSocketKey + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
#pragma warning restore CA5350
            context.Response.Headers.SecWebSocketAccept = key;
            context.Response.Headers.Upgrade = "websocket";
            await using var stream = await context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpUpgradeFeature>()!.UpgradeAsync();
            using var socket = WebSocket.CreateFromStream(stream, new WebSocketCreationOptions { IsServer = true });
            var buffer = new byte[1024];
            while (await socket.ReceiveAsync(buffer, CancellationToken.None) is { MessageType: WebSocketMessageType.Text } received)
                await socket.SendAsync(buffer.AsMemory(0, received.Count), WebSocketMessageType.Text, true, CancellationToken.None);
        });
        await using var front = Front.Start();
        front.Service("web", pod).Objects.Ingress("one", "*.example.com", ["Prefix /"]);
        front.Commit();
        using var client = new ClientWebSocket();
        client.Options.SetRequestHeader("Host", Host);
        await client.ConnectAsync(new Uri($"ws://{front.Http}/"), CancellationToken.None);
        await EchoAsync(client, "before");

        front.Objects.Builder.SetIngress(new("default", "one"), null);
        front.Commit();

        Assert.Equal(404, Front.Status(await front.GetAsync(Host, "/")));
        await EchoAsync(client, "after");
    }

    [Theory]
    [InlineData("false")]
    [InlineData("true")]
    public async Task ServerSentEvents_ArriveAsTheyAreSent(string cors)
    {
        var next = new SemaphoreSlim(0);
        await using var pod = await Pod.StartAsync("a", async context =>
        {
            context.Response.ContentType = "text/event-stream";
            for (var i = 0; i < 3; i++)
            {
                await context.Response.WriteAsync($"data: {i}\n\n");
                await context.Response.Body.FlushAsync();
                await next.WaitAsync();
            }
        });
        await using var front = Front.Start();
        front.Service("web", pod).Objects.Ingress("one", Host, ["Prefix /"], ("enable-cors", cors));
        front.Commit();
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Get, $"http://{front.Http}/") { Headers = { Host = Host } };
        using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync());

        for (var i = 0; i < 3; i++)
        {
            Assert.Equal($"data: {i}", await reader.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(5)));
            Assert.Equal("", await reader.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(5)));
            next.Release();
        }
    }

    [Fact]
    public async Task Grpc_ReachesThePodOverHttp2_WithTrailers()
    {
        await using var pod = await Pod.StartAsync("a", async context =>
        {
            context.Response.ContentType = "application/grpc";
            context.Response.DeclareTrailer("grpc-status");
            await context.Response.WriteAsync(context.Request.Protocol);
            context.Response.AppendTrailer("grpc-status", "0");
        }, http2: true);
        await using var front = Front.Start();
        front.Service("web", pod).Objects.Ingress("one", Host, ["Prefix /"], ("backend-protocol", "GRPC"));
        front.Commit();
#pragma warning disable CA5359 // Its certificate is its own.
        using var http = new HttpClient(new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true } });
#pragma warning restore CA5359
        using var request = new HttpRequestMessage(HttpMethod.Post, $"https://{front.Https}/svc/method")
        {
            Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Headers = { Host = Host }, Content = new ByteArrayContent([0, 0, 0, 0, 0]),
        };

        using var answer = await http.SendAsync(request);

        Assert.Equal("HTTP/2", await answer.Content.ReadAsStringAsync());
        Assert.Equal(["0"], answer.TrailingHeaders.GetValues("grpc-status"));
    }

    private static async Task EchoAsync(ClientWebSocket client, string text)
    {
        var buffer = new byte[1024];
        await client.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, true, CancellationToken.None);
        var received = await client.ReceiveAsync(buffer, CancellationToken.None);
        Assert.Equal(text, Encoding.UTF8.GetString(buffer, 0, received.Count));
    }
}
