using Fairlead.Testing;
using Fairlead.Unit.Ingress.Routes;
using Xunit;

namespace Fairlead.Unit.Ingress.Proxy;

/// <summary>Requests by which one could smuggle another past the proxy: refused, and never seen by a pod.</summary>
public sealed class RefusalTests
{
    [Theory]
    [MemberData(nameof(RefusedRequests.Smuggling), MemberType = typeof(RefusedRequests))]
    public async Task Smuggling_IsRefused_AndNoPodSeesIt(string what, string request, int status)
    {
        await using var pod = await Pod.StartAsync("a");
        await using var front = Front.Start();
        front.Service("web", pod).Objects.Ingress("one", "", ["Prefix /"]).Ingress("cross", "kestrel", ["Prefix /"], ("enable-cors", "true"));
        front.Commit();

        // Kestrel reads it, to which the request before it has taken the connection.
        var later = await front.RawAsync("OPTIONS / HTTP/1.1\r\nHost: kestrel\r\n\r\n" + request, untilClosed: true);
        var answers = later.Split("HTTP/1.1 ").Skip(1).Select(part => part[..3]).ToList();
        Assert.True(answers is ["204", [not '2', ..]], $"Kestrel, {what}: {string.Join(' ', answers)}");
        Assert.Empty(pod.Seen);
        await LeanAsync(what, request, status);
    }

    private static async Task LeanAsync(string what, string request, int status)
    {
        await using var pod = await Pod.StartAsync("a");
        await using var front = Front.Start();
        front.Service("web", pod).Objects.Ingress("one", "", ["Prefix /"]);
        front.Commit();

        var answer = await front.RawAsync(request, untilClosed: true);

        Assert.True(answer.Length > 0 && Front.Status(answer) == status, $"{what}: {answer.Split("\r\n")[0]}");
        Assert.Single(answer.Split("HTTP/1.1 ").Skip(1));
        Assert.Empty(pod.Seen);
    }

    /// <summary>Kestrel takes it, and what the pod gets is a plain length.</summary>
    [Fact]
    public async Task SignedLength_IsRefused_OrSaidPlainly()
    {
        await using var pod = await Pod.StartAsync("a");
        await using var front = Front.Start();
        front.Service("web", pod).Objects.Ingress("one", "", ["Prefix /"]).Ingress("cross", "kestrel", ["Prefix /"], ("enable-cors", "true"));
        front.Commit();
        const string rest = "Content-Length: +1\r\nConnection: close\r\n\r\nx";

        Assert.Equal(400, Front.Status(await front.RawAsync($"POST / HTTP/1.1\r\nHost: a\r\n{rest}", untilClosed: true)));
        Assert.Empty(pod.Seen);
        await front.RawAsync($"OPTIONS / HTTP/1.1\r\nHost: kestrel\r\n\r\nPOST / HTTP/1.1\r\nHost: a\r\n{rest}", untilClosed: true);
        Assert.All(pod.Seen, seen => Assert.Equal("1", seen.Fields["Content-Length"]));
    }

    [Theory]
    [MemberData(nameof(RefusedRequests.BadChunks), MemberType = typeof(RefusedRequests))]
    public async Task BadChunking_IsRefused_AndTheConnectionEnds(string chunks)
    {
        await using var pod = await Pod.StartAsync("a", async context =>
        {
            await context.Request.Body.CopyToAsync(Stream.Null, context.RequestAborted);
        });
        await using var front = Front.Start();
        front.Service("web", pod).Objects.Ingress("one", "", ["Prefix /"]);
        front.Commit();

        var answer = await front.RawAsync($"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", untilClosed: true);

        Assert.Equal(400, Front.Status(answer));
        Assert.DoesNotContain(pod.Seen, seen => seen.Target == "/smuggled");
    }

    [Fact]
    public async Task TooLong_LineAndFields_AreRefused()
    {
        await using var front = Front.Start();
        front.Commit();

        Assert.Equal(414, Front.Status(await front.GetAsync("a", "/" + new string('x', 9000))));
        Assert.Equal(431, Front.Status(await front.GetAsync("a", "/", $"X: {new string('x', 40000)}")));
        Assert.Equal(431, Front.Status(await front.GetAsync("a", "/", [.. Enumerable.Range(0, 120).Select(i => $"X{i}: 1")])));
    }
}
