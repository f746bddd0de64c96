using System.Net.Security;
using System.Net.Sockets;
using Fairlead.Testing;
using Xunit;

namespace Fairlead.System;

/// <summary>The ingress with little patience for heads.</summary>
public sealed class RefusingStand() : IngressStand("--client-header-timeout", "4", "--access-log-format", "combined")
{
    /// <summary>Host a is the lean path's, host kestrel is for Kestrel, which keeps the connection.</summary>
    protected override async Task PrepareAsync()
    {
        await ApplyAsync(
            IngressOf("a", "a"), IngressOf("cross", "kestrel", "enable-cors: \"true\""), IngressOf("small", "small.example.com", "proxy-body-size: 1k"),
            IngressOf("held", "held.example.com", service: "two"), IngressOf("last", "last.example.com"));
        await IsServedAsync("last.example.com");
    }
}

/// <summary>What strangers send to do harm is refused with the right status, reaches no pod, and costs others nothing.</summary>
public sealed class IngressRefusalTests(RefusingStand stand) : IClassFixture<RefusingStand>
{
    /// <summary>After this request the connection is Kestrel's.</summary>
    private const string Handover = "OPTIONS / HTTP/1.1\r\nHost: kestrel\r\n\r\n";

    private int Seen => stand.Pods.Sum(pod => pod.Seen.Count);

    [Theory]
    [MemberData(nameof(RefusedRequests.Smuggling), MemberType = typeof(RefusedRequests))]
    public async Task Smuggling_IsRefused_AndNoPodSeesIt(string what, string request, int status)
    {
        var before = Seen;

        Assert.True(Statuses(await stand.SayAsync(request)) == $"{status}", what);
        var answers = Statuses(await stand.SayAsync(Handover + request));

        Assert.True(answers.StartsWith("204 ", StringComparison.Ordinal) && answers.Length == 7 && answers[4] is '4' or '5', $"Kestrel, {what}: {answers}");
        Assert.Equal(before, Seen);
    }

    [Theory]
    [MemberData(nameof(RefusedRequests.BadChunks), MemberType = typeof(RefusedRequests))]
    public async Task BadChunking_IsRefused_AndWhatFollowsIsNoRequest(string chunks)
    {
        const string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

        Assert.Equal("400", Statuses(await stand.SayAsync(head + chunks + smuggled)));
        Assert.Equal("204 400", Statuses(await stand.SayAsync(Handover + head + chunks + smuggled)));
        Assert.DoesNotContain(stand.Pods.SelectMany(pod => pod.Seen), seen => seen.Contains("/smuggled", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("http", "--http1.1")]
    [InlineData("https", "--http1.1")]
    [InlineData("https", "--http2")]
    public async Task TooLong_IsRefused(string scheme, string version)
    {
        foreach (var (host, path, fields, size, status) in new[]
        {
            ("a", 7_000, 0, 0, "200"), ("a", 9_000, 0, 0, "414"), ("a", 1, 1, 40_000, "431"), ("a", 1, 10, 4_000, "431"), ("a", 1, 120, 1, "431"), ("a", 1, 90, 100, "200"), ("small.example.com", 9_000, 0, 0, "414"),
        })
        {
            string[] head = [.. Enumerable.Range(0, fields).SelectMany(number => (string[])["-H", $"X-{number}: {new string('y', size)}"])];
            Assert.Equal(status, await stand.StatusAsync($"{scheme}://{host}/{new string('x', path)}", [version, .. head]));
        }
        // With a length, and without one.
        foreach (var (size, more, status) in new[] { (1024, "", "200"), (1025, "", "413"), (1024, "Transfer-Encoding: chunked", "200"), (1025, "Transfer-Encoding: chunked", "413") })
        {
            if (version == "--http2" && more.Length > 0) continue;
            Assert.Equal(status, await stand.StatusAsync($"{scheme}://small.example.com/", version, "--data", new string('x', size), "-H", "Expect:", "-H", more.Length > 0 ? more : "X-None: 1"));
        }
    }

    /// <summary>Slow-loris: however much is sent, the time for a head is not more for it. Both begin before the time is over for either.</summary>
    [Fact]
    public async Task Head_ThatNeverEnds_IsToldSo_WhileOthersAreServed()
    {
        using var handshake = await stand.ConnectAsync(port: 443);
        Task<(bool InTime, string Heard)>[] slow =
        [
            TrickleAsync(await stand.ConnectAsync(), "GET / HT"),
            TrickleAsync(await stand.ConnectAsync(), "GET / HTTP/1.1\r\nHost: a\r\nX-A: "),
            TrickleAsync(await stand.ConnectAsync(), Handover + "GET / HTTP/1.1\r\nHost: kestrel\r\nX-A: "),
            TrickleAsync(handshake, "\u0016\u0003\u0001\u0002\0\u0001\0\u0001\u00fc\u0003\u0003"),
        ];

        Assert.Equal("200", await stand.StatusAsync("http://last.example.com/"));

        var answers = await Task.WhenAll(slow);
        Assert.All(answers, answer => Assert.True(answer.InTime));
        Assert.Equal(["408", "408", "204 408", ""], answers.Select(answer => Statuses(answer.Heard)));
    }

    /// <summary>CVE-2023-44487: streams that are opened and reset at once cost the client nothing; the connection ends before they cost the server much.</summary>
    [Fact]
    public async Task RapidReset_EndsTheConnection_AndOthersAreServed()
    {
        const int enhanceYourCalm = 11, tooMuchToSay = 2, mostStreams = 200_000;
        var thinks = new TaskCompletionSource();
        stand.Pods[1].Instead = (_, _, _) => thinks.Task;
        using var tcp = await stand.ConnectAsync(port: 443);
#pragma warning disable CA5359 // Its certificate is its own.
        await using var tls = new SslStream(tcp.GetStream(), false, (_, _, _, _) => true);
#pragma warning restore CA5359
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "held.example.com", ApplicationProtocols = [SslApplicationProtocol.Http2] });
        await tls.WriteAsync(Http2Frames.Preface);
        await tls.WriteAsync(Http2Frames.Make(Http2Frames.Settings, 0, 0, []));
        var told = Http2Frames.FarewellAsync(tls);

        var streams = 0;
        try
        {
            for (; streams < mostStreams && !told.IsCompleted; streams++)
            {
                var id = (streams * 2) + 1;
                await tls.WriteAsync((byte[])[.. Http2Frames.Make(Http2Frames.Headers, 0x5, id, Http2Frames.Get("held.example.com")), .. Http2Frames.Make(Http2Frames.Reset, 0, id, [0, 0, 0, 8])]);
            }
        }
        catch (IOException)
        {
            // It was cut.
        }

        Assert.InRange(streams, 1, mostStreams - 1);
        Assert.Contains(await told.WaitAsync(TimeSpan.FromSeconds(30)), new[] { enhanceYourCalm, tooMuchToSay, -1 });
        Assert.InRange(stand.Pods[1].Seen.Count, 0, streams / 2);
        thinks.SetResult();
        stand.Pods[1].Instead = null;
        Assert.Equal("200", await stand.StatusAsync("https://last.example.com/", "--http2"));
        Assert.Equal("200", await stand.StatusAsync("https://held.example.com/", "--http2"));
    }

    /// <summary>nginx' combined format, and after it what came of the upstream, as ingress-nginx writes it by default.</summary>
    [Fact]
    public async Task AccessLog_IsNginxCombined_WhereItIsToBe()
    {
        Assert.Equal("200", await stand.StatusAsync("http://last.example.com/logged?x=%22", "-A", "so \"called\"", "-e", "http://from.example.com/", "-H", "X-Request-ID: id-7"));

        var lines = await Until.AsyncHolds(() => File.ReadAllLinesAsync(stand.LogFile), lines => lines.Any(line => line.Contains("/logged", StringComparison.Ordinal)), "the line in the log");
        Assert.Matches(
            "^127\\.0\\.0\\.1 - - \\[\\d\\d/[A-Z][a-z]{2}/\\d{4}:\\d\\d:\\d\\d:\\d\\d [+-]\\d{4}\\] \"GET /logged\\?x=%22 HTTP/1\\.1\" 200 \\d+ \"http://from\\.example\\.com/\" \"so \\\\x22called\\\\x22\" "
            + "\\d+ \\d+\\.\\d{3} \\[default-web-80\\] \\[\\] 198\\.1[89]\\.\\d+\\.1[123]:8080 \\d+ \\d+\\.\\d{3} 200 id-7$",
            lines.Single(line => line.Contains("/logged", StringComparison.Ordinal)));
    }

    /// <summary>Sends the beginning, and then a byte now and then, until the connection ends. In time: long before anyone would call it patience.</summary>
    private static async Task<(bool InTime, string Heard)> TrickleAsync(TcpClient client, string beginning)
    {
        using (client)
        {
            var begun = TimeProvider.System.GetTimestamp();
            using var over = new CancellationTokenSource();
            var stream = client.GetStream();
            await stream.WriteAsync(global::System.Text.Encoding.Latin1.GetBytes(beginning));
            var sending = KeepSendingAsync(stream, over.Token);
            var heard = await IngressStand.HearAsync(stream);
            await over.CancelAsync();
            await sending;
            return (TimeProvider.System.GetElapsedTime(begun) < TimeSpan.FromSeconds(25), heard);
        }
    }

    private static async Task KeepSendingAsync(NetworkStream stream, CancellationToken over)
    {
        try
        {
            while (true)
            {
                await stream.WriteAsync("x"u8.ToArray(), over);
                await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, over);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // It was cut.
        }
    }

    private static string Statuses(string answers) => string.Join(' ', answers.Split("HTTP/1.1 ").Skip(1).Select(answer => answer[..3]));
}
