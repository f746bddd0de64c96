using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Xunit;

namespace Fairlead.Unit.Ingress.Proxy.Lean;

/// <summary>Plain HTTP/1.1 from socket to socket: bodies, keep-alive, and peers that go away.</summary>
public sealed class LeanPathTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    [Fact]
    public async Task PipelinedRequests_AreAnsweredInOrder()
    {
        await using var pod = await Pod.StartAsync("a", context => context.Response.WriteAsync(context.Request.Path + "."));
        await using var front = Serving(pod.Address);

        var answer = await front.RawAsync(string.Concat(Enumerable.Range(0, 20).Select(i => i % 3 == 0
            ? $"POST /{i} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" : i % 3 == 1
            ? $"POST /{i} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
            : $"GET /{i} HTTP/1.1\r\nHost: a\r\n{(i == 19 ? "Connection: close\r\n" : "")}\r\n")) + "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", untilClosed: true);

        Assert.Equal([.. Enumerable.Range(0, 20).Select(i => $"/{i}"), "/last"], pod.Seen.Select(seen => seen.Target));
        Assert.Equal(21, answer.Split("HTTP/1.1 200 OK").Length - 1);
        Assert.Single(answer.Split("Connection: close").Skip(1));
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task LargeBody_ComesBackWhole_InEitherFraming(bool chunkedUp, bool chunkedDown)
    {
        await using var pod = await Pod.StartAsync("a", async context =>
        {
            if (!chunkedDown) context.Response.ContentLength = 3_000_000;
            await context.Request.Body.CopyToAsync(context.Response.Body);
        });
        await using var front = Serving(pod.Address);
        using var http = new HttpClient();
        var body = new byte[3_000_000];
        RandomNumberGenerator.Fill(body);

        for (var i = 0; i < 3; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"http://{front.Http}/") { Content = new ByteArrayContent(body) };
            request.Headers.TransferEncodingChunked = chunkedUp;
            using var answer = await http.SendAsync(request);
            Assert.Equal(chunkedDown, answer.Headers.TransferEncodingChunked == true);
            Assert.Equal(body, await answer.Content.ReadAsByteArrayAsync());
        }
    }

    [Fact]
    public async Task BodyUntilClose_IsPassed_AndTheConnectionEnds()
    {
        await using var pod = new ScriptedPod(async (_, stream) =>
        {
            await ScriptedPod.HeadAsync(stream);
            await ScriptedPod.SayAsync(stream, "HTTP/1.1 200 OK\nX: 1\n\n");
            await ScriptedPod.SayAsync(stream, "until the end");
        });
        await using var front = Serving(pod.Address);

        var answer = await front.RawAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n", untilClosed: true);

        Assert.Equal("HTTP/1.1 200 OK\r\nX: 1\r\nConnection: close\r\n\r\nuntil the end", answer);
    }

    [Fact]
    public async Task Head_And304_HaveNoBody_AndTheConnectionGoesOn()
    {
        await using var pod = new ScriptedPod(async (_, stream) =>
        {
            while (await ScriptedPod.HeadAsync(stream) is { Length: > 0 } head)
                await ScriptedPod.SayAsync(stream, head.StartsWith("HEAD", StringComparison.Ordinal) ? "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" : "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n");
        });
        await using var front = Serving(pod.Address);

        var answer = await front.RawAsync("HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nHEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", untilClosed: true);

        Assert.Equal(["200", "304", "200"], answer.Split("HTTP/1.1 ").Skip(1).Select(part => part[..3]));
        Assert.Equal(1, pod.Connections);
    }

    [Fact]
    public async Task InterimAnswers_ArePassed_AndTheBodyFollows()
    {
        await using var pod = new ScriptedPod(async (_, stream) =>
        {
            var head = await ScriptedPod.HeadAsync(stream);
            Assert.Contains("Expect: 100-continue", head, StringComparison.Ordinal);
            await ScriptedPod.SayAsync(stream, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
            var body = new byte[5];
            await stream.ReadExactlyAsync(body);
            await ScriptedPod.SayAsync(stream, $"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{Encoding.ASCII.GetString(body)}");
        });
        await using var front = Serving(pod.Address);
        using var client = new TcpClient();
        await client.ConnectAsync(front.Http);
        var stream = client.GetStream();

        await ScriptedPod.SayAsync(stream, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
        Assert.Equal("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", await ScriptedPod.HeadAsync(stream));
        Assert.Equal("HTTP/1.1 100 Continue\r\n\r\n", await ScriptedPod.HeadAsync(stream));
        await ScriptedPod.SayAsync(stream, "hello");
        Assert.StartsWith("HTTP/1.1 200 OK\r\n", await ScriptedPod.HeadAsync(stream), StringComparison.Ordinal);
    }

    [Fact]
    public async Task EarlyAnswer_EndsTheUpload()
    {
        await using var pod = new ScriptedPod(async (_, stream) =>
        {
            await ScriptedPod.HeadAsync(stream);
            await ScriptedPod.SayAsync(stream, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
            await stream.CopyToAsync(Stream.Null);
        });
        await using var front = Serving(pod.Address);

        var answer = await front.RawAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nsome", untilClosed: true);

        Assert.Equal(413, Front.Status(answer));
    }

    [Theory]
    [InlineData("", 502)]
    [InlineData("nonsense\r\n\r\n", 502)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 502)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 502)]
    [InlineData("HTTP/1.1 101 Switching Protocols\r\n\r\n", 502)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive5", 200)]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfive5\r\n", 200)]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n", 200)]
    public async Task PodThatBreaksOff_Gives502_OrABrokenConnection(string said, int status)
    {
        await using var pod = new ScriptedPod(async (_, stream) =>
        {
            await ScriptedPod.HeadAsync(stream);
            await ScriptedPod.SayAsync(stream, said);
        });
        await using var front = Serving(pod.Address);

        var answer = await front.RawAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", untilClosed: true);

        if (answer.Length > 0) Assert.Equal(status, Front.Status(answer));
        else Assert.Equal(200, status);
        Assert.DoesNotContain("0\r\n\r\n", answer.Replace("Content-Length: 10\r\n\r\n", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public async Task IdleConnection_ThatThePodClosed_CostsNoRequest()
    {
        await using var pod = new ScriptedPod(async (_, stream) =>
        {
            await ScriptedPod.HeadAsync(stream);
            await ScriptedPod.SayAsync(stream, Ok);
        });
        await using var front = Serving(pod.Address);

        // What may not be said twice could be lost to a pod that closes without a word, in the moment between a look at the connection and its use.
        for (var i = 0; i < 50; i++) Assert.Equal(200, Front.Status(await front.GetAsync("a", "/")));
    }

    [Fact]
    public async Task WhatAPodSaysUnasked_AnswersNobody()
    {
        await using var pod = new ScriptedPod(async (_, stream) =>
        {
            while (await ScriptedPod.HeadAsync(stream) is { Length: > 0 }) await ScriptedPod.SayAsync(stream, Ok + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
        });
        await using var front = Serving(pod.Address);

        for (var i = 0; i < 20; i++) Assert.Equal("ok", Front.Body(await front.GetAsync("a", "/")));
    }

    [Fact]
    public async Task EndpointsThatComeAndGo_LoseNoRequest()
    {
        var pods = await Task.WhenAll(Enumerable.Range(0, 4).Select(i => Pod.StartAsync($"{i}")));
        await using var front = Serving(pods[0].Address);
        using var stop = new CancellationTokenSource();
        using var http = new HttpClient();
        var clients = Enumerable.Range(0, 8).Select(async _ =>
        {
            var count = 0;
            while (!stop.IsCancellationRequested)
            {
                Assert.Equal(HttpStatusCode.OK, (await http.GetAsync($"http://{front.Http}/")).StatusCode);
                count++;
            }
            return count;
        }).ToList();
        for (var i = 0; i < 200; i++)
        {
            front.Service("web", pods[i % 4].Address, pods[(i + 1) % 4].Address);
            front.Commit();
            await Task.Yield();
            if (i % 20 == 0) await http.GetAsync($"http://{front.Http}/");
        }
        // One ends while it still has requests: connections to it break, and others answer.
        await pods[3].DisposeAsync();
        await http.GetAsync($"http://{front.Http}/");
        await stop.CancelAsync();

        Assert.All(await Task.WhenAll(clients), count => Assert.True(count > 0));
        foreach (var pod in pods[..3]) await pod.DisposeAsync();
    }

    [Fact]
    public async Task ClientThatLeaves_EndsThePodsWork()
    {
        var left = new TaskCompletionSource();
        await using var pod = new ScriptedPod(async (_, stream) =>
        {
            await ScriptedPod.HeadAsync(stream);
            if (await stream.ReadAsync(new byte[1]) == 0) left.SetResult();
        });
        await using var front = Serving(pod.Address);
        using (var client = new TcpClient())
        {
            await client.ConnectAsync(front.Http);
            await ScriptedPod.SayAsync(client.GetStream(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            while (pod.Connections == 0) await Task.Yield();
        }

        await left.Task.WaitAsync(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task Declined_ArrivesAtKestrelWhole_AlsoBehindRequestsThatWereServed()
    {
        await using var pod = await Pod.StartAsync("a", async context =>
        {
            using var copy = new MemoryStream();
            await context.Request.Body.CopyToAsync(copy);
            await context.Response.WriteAsync($"{context.Request.Path}={copy.Length}.");
        });
        await using var front = Serving(pod.Address);
        var body = new string('x', 100_000);

        var answer = await front.RawAsync(
            $"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST http://a/2 HTTP/1.1\r\nHost: a\r\nContent-Length: {body.Length}\r\n\r\n{body}POST /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab", untilClosed: true);

        Assert.Equal(["/1", "/2", "/3"], pod.Seen.Select(seen => seen.Target));
        Assert.Contains("/2=100000.", answer, StringComparison.Ordinal);
        Assert.Contains("/3=2.", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Http2OverPlainText_AndOldHttp_AreKestrels()
    {
        await using var pod = await Pod.StartAsync("a");
        await using var front = Serving(pod.Address);

        Assert.Equal("a", Front.Body(await front.RawAsync("GET / HTTP/1.0\r\nHost: a\r\n\r\n", untilClosed: true)));
        Assert.NotEqual("", await front.RawAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", untilClosed: true));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Tls_EitherVersionOfHttp_ReachesThePod(int version)
    {
        await using var pod = await Pod.StartAsync("a", async context =>
        {
            context.Response.Headers["X-Seen"] = context.Request.Headers["X-Forwarded-Proto"];
            await context.Request.Body.CopyToAsync(context.Response.Body);
        });
        await using var front = Serving(pod.Address);
#pragma warning disable CA5359 // Its certificate is its own.
        using var http = new HttpClient(new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true } });
#pragma warning restore CA5359
        var body = new byte[1_000_000];
        RandomNumberGenerator.Fill(body);
        for (var i = 0; i < 3; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"https://{front.Https}/") { Version = new Version(version, version == 1 ? 1 : 0), VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = new ByteArrayContent(body), Headers = { Host = "a" } };
            using var answer = await http.SendAsync(request);
            Assert.Equal(["https"], answer.Headers.GetValues("X-Seen"));
            Assert.Equal(body, await answer.Content.ReadAsByteArrayAsync());
        }
    }

    private static Front Serving(IPAddress pod)
    {
        var front = Front.Start();
        front.Service("web", pod).Objects.Ingress("one", "", ["Prefix /"]);
        front.Commit();
        return front;
    }
}
