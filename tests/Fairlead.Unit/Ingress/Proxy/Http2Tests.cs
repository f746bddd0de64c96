using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Channels;
using Fairlead.Testing;
using Fairlead.Unit.Ingress.Routes;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Fairlead.Unit.Ingress.Proxy;

/// <summary>HTTP/2 from clients, TLS and HTTP/2 to pods.</summary>
public sealed class Http2Tests
{
    private const string Host = "kubia.example.com";
    private const int EnhanceYourCalm = 11, MostStreams = 200_000;

    /// <summary>INTERNAL_ERROR, by which Kestrel ends a connection for whose client too many frames wait.</summary>
    private const int TooMuchToSay = 2;

    [Theory]
    [InlineData("HTTPS", false)]
    [InlineData("GRPCS", true)]
    public async Task PodWithTls_IsReached_WhateverItsCertificate(string protocol, bool http2)
    {
        using var secret = Certificate();
        await using var pod = await Pod.StartAsync("a", context => context.Response.WriteAsync($"{context.Request.Scheme} {context.Request.Protocol} {context.Request.Headers["X-Forwarded-Proto"]}"), http2, secret);
        await using var front = Serving(pod, ("backend-protocol", protocol));

        Assert.Equal($"https {(http2 ? "HTTP/2" : "HTTP/1.1")} http", Front.Body(await front.GetAsync(Host, "/")));
    }

    [Fact]
    public async Task PodWithoutTls_ThatShouldHaveIt_502()
    {
        await using var pod = await Pod.StartAsync("a");
        await using var front = Serving(pod, ("backend-protocol", "HTTPS"));

        Assert.Equal(502, Front.Status(await front.GetAsync(Host, "/")));
        Assert.Empty(pod.Seen);
    }

    /// <summary>The pod has said all it will while the client would send for ever: it hears the end, and is told that no more is wanted.</summary>
    [Theory]
    [InlineData("application/grpc")]
    [InlineData("text/plain")]
    public async Task EarlyEnd_IsHeard_WhileTheClientSends(string contentType)
    {
        await using var pod = await Pod.StartAsync("a", async context =>
        {
            context.Response.ContentType = contentType;
            context.Response.DeclareTrailer("grpc-status");
            await context.Response.Body.WriteAsync("over"u8.ToArray());
            context.Response.AppendTrailer("grpc-status", "8");
        }, http2: true);
        await using var front = Serving(pod, ("backend-protocol", "GRPC"));
        using var http = Client();
        var content = new SpokenBody { Headers = { ContentType = new(contentType) } };
        using var request = new HttpRequestMessage(HttpMethod.Post, $"https://{front.Https}/") { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Headers = { Host = Host }, Content = content };

        using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead).WaitAsync(TimeSpan.FromSeconds(4));

        Assert.Equal("over", await answer.Content.ReadAsStringAsync().WaitAsync(TimeSpan.FromSeconds(4)));
        Assert.Equal(["8"], answer.TrailingHeaders.GetValues("grpc-status"));
        content.End.SetResult();
    }

    [Theory]
    [InlineData("application/grpc")]
    [InlineData(null)]
    public async Task Grpc_StreamsInBothDirections(string? contentType)
    {
        await using var pod = await Pod.StartAsync("a", async context =>
        {
            context.Response.ContentType = "application/grpc";
            context.Response.DeclareTrailer("grpc-status");
            var buffer = new byte[100];
            // Each message is answered before the next is sent.
            while (await context.Request.Body.ReadAsync(buffer) is > 0 and var count)
            {
                await context.Response.Body.WriteAsync(buffer.AsMemory(0, count));
                await context.Response.Body.FlushAsync();
            }
            context.Response.AppendTrailer("grpc-status", "0");
        }, http2: true);
        await using var front = Serving(pod, ("backend-protocol", "GRPC"));
        using var http = Client();
        var content = new SpokenBody();
        using var request = new HttpRequestMessage(HttpMethod.Post, $"https://{front.Https}/svc/method") { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Headers = { Host = Host }, Content = content };
        if (contentType is not null) content.Headers.ContentType = new(contentType);

        var sending = http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        var up = await content.Stream.Task.WaitAsync(TimeSpan.FromSeconds(10));
        await up.WriteAsync(new byte[] { 0, 0, 0, 0, 1, 1 });
        await up.FlushAsync();
        using var answer = await sending.WaitAsync(TimeSpan.FromSeconds(10));
        var down = await answer.Content.ReadAsStreamAsync();
        var message = new byte[6];
        await down.ReadExactlyAsync(message).AsTask().WaitAsync(TimeSpan.FromSeconds(10));
        Assert.Equal([0, 0, 0, 0, 1, 1], message);
        await up.WriteAsync(new byte[] { 0, 0, 0, 0, 1, 2 });
        await up.FlushAsync();
        await down.ReadExactlyAsync(message).AsTask().WaitAsync(TimeSpan.FromSeconds(10));
        Assert.Equal(2, message[5]);
        content.End.SetResult();

        Assert.Equal(0, await down.ReadAsync(message).AsTask().WaitAsync(TimeSpan.FromSeconds(10)));
        Assert.Equal(["0"], answer.TrailingHeaders.GetValues("grpc-status"));
    }

    [Fact]
    public async Task Upload_ReachesThePodAsItIsSent()
    {
        var got = Channel.CreateUnbounded<int>();
        await using var pod = await Pod.StartAsync("a", async context =>
        {
            var buffer = new byte[100];
            while (await context.Request.Body.ReadAsync(buffer) is > 0 and var count) await got.Writer.WriteAsync(count);
        });
        await using var front = Serving(pod);
        using var http = Client();
        var content = new SpokenBody();
        using var request = new HttpRequestMessage(HttpMethod.Post, $"https://{front.Https}/") { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Headers = { Host = Host }, Content = content };

        var sending = http.SendAsync(request);
        var up = await content.Stream.Task.WaitAsync(TimeSpan.FromSeconds(10));
        for (var size = 1; size < 4; size++)
        {
            await up.WriteAsync(new byte[size]);
            await up.FlushAsync();
            Assert.Equal(size, await got.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(4)));
        }
        content.End.SetResult();

        using var answer = await sending.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    /// <summary>CVE-2023-44487: streams opened and reset at once cost the client nothing; the connection is ended before they cost the server much.</summary>
    [Fact]
    public async Task RapidReset_EndsTheConnection_AndOthersAreServed()
    {
        await using var pod = await Pod.StartAsync("a", context => Task.Delay(TimeSpan.FromSeconds(5), TimeProvider.System, context.RequestAborted));
        await using var quick = await Pod.StartAsync("quick");
        await using var front = Serving(pod);
        front.Service("quick", quick).Objects.Ingress("two", "quick.example.com", ["Prefix / quick:80"]);
        front.Commit();
        await using var tls = await ConnectAsync(front);
        var told = Http2Frames.FarewellAsync(tls);

        var streams = 0;
        try
        {
            for (; streams < MostStreams && !told.IsCompleted; streams++)
            {
                var id = (streams * 2) + 1;
                await tls.WriteAsync((byte[])[.. Http2Frames.Make(Http2Frames.Headers, 0x5, id, Http2Frames.Get(Host)), .. Http2Frames.Make(Http2Frames.Reset, 0, id, [0, 0, 0, 8])]);
            }
        }
        catch (IOException)
        {
            // It was cut.
        }

        // How many it took is the scheduler's: the farewell has to be read, too.
        Assert.InRange(streams, 1, MostStreams - 1);
        Assert.Contains(await told.WaitAsync(TimeSpan.FromSeconds(10)), new[] { EnhanceYourCalm, TooMuchToSay, -1 });
        Assert.InRange(pod.Seen.Count, 0, streams / 2);
        Assert.Equal("quick", Front.Body(await front.GetAsync("quick.example.com", "/")));
    }

    /// <summary>A pod, or the ingress itself, may answer before the body has come. A client that goes on sending is not told that its stream failed.</summary>
    [Theory]
    [InlineData(Host)]
    [InlineData("none.example.com")]
    public async Task EarlyAnswer_LetsTheClientSendTheRest(string host)
    {
        await using var pod = await Pod.StartAsync("a", http2: true);
        await using var front = Serving(pod, ("backend-protocol", "GRPC"));
        await using var tls = await ConnectAsync(front);

        await tls.WriteAsync(Http2Frames.Make(Http2Frames.Headers, Http2Frames.EndHeaders, 1, Http2Frames.Post(host)));
        while (await ReadAsync(tls) is not { Type: Http2Frames.Data, Payload.Length: > 0 })
        {
            // The answer's text is there before the body is.
        }
        await tls.WriteAsync(Http2Frames.Make(Http2Frames.Data, Http2Frames.EndStream, 1, [1]));

        // The next answer comes, and no reset before it.
        await tls.WriteAsync(Http2Frames.Make(Http2Frames.Headers, Http2Frames.EndHeaders | Http2Frames.EndStream, 3, Http2Frames.Get("none.example.com")));
        await AnswerEndsAsync(tls, 3);
    }

    [Fact]
    public async Task Http2Client_IsForwardedAndRefused_AsAnyOther()
    {
        await using var pod = await Pod.StartAsync("a", context => context.Response.WriteAsync($"{context.Request.Protocol} {context.Request.Headers["X-Forwarded-Proto"]} {context.Request.Host}"));
        await using var front = Serving(pod, ("denylist-source-range", "10.0.0.0/8"));
        using var http = Client();
        async Task<HttpResponseMessage> SendAsync(string host, string target) => await http.SendAsync(new HttpRequestMessage(HttpMethod.Get, new Uri($"https://{front.Https}{target}", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }))
        {
            Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Headers = { Host = host },
        });

        using var good = await SendAsync(Host, "/a");
        Assert.Equal($"HTTP/1.1 https {Host}", await good.Content.ReadAsStringAsync());
        using var above = await SendAsync(Host, "/../a");
        Assert.Equal(HttpStatusCode.BadRequest, above.StatusCode);
        using var none = await SendAsync("none.example.com", "/");
        Assert.Equal(HttpStatusCode.NotFound, none.StatusCode);
    }

    [Theory]
    [InlineData(9_000, 0, 0, HttpStatusCode.RequestUriTooLong)]
    [InlineData(1, 40_000, 1, HttpStatusCode.RequestHeaderFieldsTooLarge)]
    [InlineData(1, 4_000, 10, HttpStatusCode.RequestHeaderFieldsTooLarge)]
    [InlineData(1, 1, 120, HttpStatusCode.RequestHeaderFieldsTooLarge)]
    [InlineData(8_000, 3_000, 10, HttpStatusCode.OK)]
    public async Task TooLong_TargetAndFields_AreRefused_AndTheConnectionServesOthers(int target, int field, int fields, HttpStatusCode status)
    {
        await using var pod = await Pod.StartAsync("a");
        await using var front = Serving(pod);
        using var http = Client();
        using var request = new HttpRequestMessage(HttpMethod.Get, $"https://{front.Https}/{new string('x', target)}") { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Headers = { Host = Host } };
        for (var i = 0; i < fields; i++) request.Headers.Add($"X-{i}", new string('y', field));

        using var answer = await http.SendAsync(request);

        Assert.Equal(status, answer.StatusCode);
        Assert.Equal(status == HttpStatusCode.OK ? 1 : 0, pod.Seen.Count);
        using var another = new HttpRequestMessage(HttpMethod.Get, $"https://{front.Https}/") { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Headers = { Host = Host } };
        using var good = await http.SendAsync(another);
        Assert.Equal(HttpStatusCode.OK, good.StatusCode);
    }

    internal static X509Certificate2 Certificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=pod", key, HashAlgorithmName.SHA256);
        return request.CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(1));
    }

    private static async Task<SslStream> ConnectAsync(Front front)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(front.Https);
#pragma warning disable CA5359 // Its certificate is its own.
        var tls = new SslStream(new NetworkStream(socket, ownsSocket: true), false, (_, _, _, _) => true);
#pragma warning restore CA5359
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = Host, ApplicationProtocols = [SslApplicationProtocol.Http2] });
        await tls.WriteAsync(Http2Frames.Preface);
        await tls.WriteAsync(Http2Frames.Make(Http2Frames.Settings, 0, 0, []));
        return tls;
    }

    /// <summary>A reset of any stream is a failure.</summary>
    private static async Task<(byte Type, byte Flags, int Stream, byte[] Payload)> ReadAsync(Stream tls)
    {
        var frame = await Http2Frames.ReadAsync(tls).WaitAsync(TimeSpan.FromSeconds(10));
        Assert.False(frame.Type == Http2Frames.Reset, $"stream {frame.Stream} is reset: {Convert.ToHexString(frame.Payload)}");
        return frame;
    }

    /// <summary>Reads until the stream's answer is whole.</summary>
    private static async Task AnswerEndsAsync(Stream tls, int stream)
    {
        while (true)
        {
            var frame = await ReadAsync(tls);
            if (frame.Stream == stream && frame.Type is Http2Frames.Data or Http2Frames.Headers && (frame.Flags & Http2Frames.EndStream) != 0) return;
        }
    }

#pragma warning disable CA5359 // Its certificate is its own.
    private static HttpClient Client() => new(new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true } });
#pragma warning restore CA5359

    private static Front Serving(Pod pod, params (string, string)[] annotations)
    {
        var front = Front.Start();
        front.Service("web", pod).Objects.Ingress("one", Host, ["Prefix /"], annotations);
        front.Commit();
        return front;
    }
}
