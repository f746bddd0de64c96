using Microsoft.AspNetCore.Http;
using Xunit;

namespace Fairlead.Unit.Ingress.Proxy;

/// <summary>Another service decides who comes in (annotations auth-url, auth-signin, auth-response-headers).</summary>
public sealed class ExternalAuthTests
{
    private const string Host = "kubia.example.com";

    [Fact]
    public async Task Vouched_GoesOn_WithWhatTheServiceSaysOfTheClient()
    {
        await using var pod = await Pod.StartAsync("a");
        await using var auth = await Pod.StartAsync("auth", context =>
        {
            context.Response.Headers["X-User"] = "jane";
            context.Response.Headers["X-Unasked"] = "kept";
            context.Response.Headers.Append("Set-Cookie", "session=1");
            return Task.CompletedTask;
        });
        await using var front = Start(pod, auth, ("auth-response-headers", "X-User, X-Group"), ("auth-method", "POST"));

        var answer = await front.RawAsync($"PUT /a?b=c HTTP/1.1\r\nHost: {Host}\r\nX-Api-Key: 7\r\nCookie: c=d\r\nX-User: root\r\nX-Group: root\r\nX-Original-URL: forged\r\nContent-Length: 2\r\n\r\nhi");

        Assert.Equal((200, "a", "session=1"), (Front.Status(answer), Front.Body(answer), Front.Field(answer, "Set-Cookie")));
        Assert.True(auth.Seen.TryDequeue(out var asked));
        Assert.Equal(("POST", "/check"), (asked.Method, asked.Target));
        foreach (var (name, value) in new Dictionary<string, string?>
        {
            ["X-Original-URL"] = $"http://{Host}/a?b=c", ["X-Original-Method"] = "PUT", ["X-Api-Key"] = "7", ["Cookie"] = "c=d", ["X-Forwarded-Host"] = Host,
            ["X-Auth-Request-Redirect"] = "/a?b=c", ["Host"] = $"{auth.Address}:{Pod.Port}",
        })
        {
            Assert.Equal(value, asked.Fields.GetValueOrDefault(name));
        }
        Assert.True(pod.Seen.TryDequeue(out var seen));
        Assert.Equal(("jane", null, null, "PUT"), (seen.Fields["X-User"], seen.Fields.GetValueOrDefault("X-Group"), seen.Fields.GetValueOrDefault("X-Unasked"), seen.Method));
    }

    [Theory]
    [InlineData("false", null)]
    [InlineData("true", "session=1")]
    public async Task Cookies_ReachTheClientWithErrors_WhereThatIsAsked(string always, string? cookie)
    {
        await using var pod = await Pod.StartAsync("a", context =>
        {
            context.Response.StatusCode = 404;
            return Task.CompletedTask;
        });
        await using var auth = await Pod.StartAsync("auth", context =>
        {
            context.Response.Headers.Append("Set-Cookie", "session=1");
            return Task.CompletedTask;
        });
        await using var front = Start(pod, auth, ("auth-always-set-cookie", always), ("auth-request-redirect", "https://$host/back"));

        var answer = await front.GetAsync(Host, "/");

        Assert.Equal((404, cookie), (Front.Status(answer), Front.Field(answer, "Set-Cookie")));
        Assert.Equal($"https://{Host}/back", Assert.Single(auth.Seen).Fields["X-Auth-Request-Redirect"]);
    }

    [Theory]
    [InlineData(401, 401)]
    [InlineData(403, 403)]
    [InlineData(500, 500)]
    [InlineData(302, 500)]
    public async Task NotVouched_IsRefused_AndThePodHearsNothing(int said, int status)
    {
        await using var pod = await Pod.StartAsync("a");
        await using var auth = await Pod.StartAsync("auth", context =>
        {
            context.Response.StatusCode = said;
            context.Response.Headers.WWWAuthenticate = "Bearer realm=\"x\"";
            return Task.CompletedTask;
        });
        await using var front = Start(pod, auth);

        var answer = await front.GetAsync(Host, "/");

        Assert.Equal((status, said is 401 or 403 ? "Bearer realm=\"x\"" : null), (Front.Status(answer), Front.Field(answer, "WWW-Authenticate")));
        Assert.Empty(pod.Seen);
    }

    [Theory]
    [InlineData("https://sign.example.com/in", "https://sign.example.com/in?rd=http%3A%2F%2Fkubia.example.com%2Fa%3Fb%3Dc")]
    [InlineData("https://sign.example.com/in?x=1", "https://sign.example.com/in?x=1&rd=http%3A%2F%2Fkubia.example.com%2Fa%3Fb%3Dc")]
    [InlineData("https://$host/in?rd=$escaped_request_uri", "https://kubia.example.com/in?rd=%2Fa%3Fb%3Dc")]
    public async Task Unknown_IsSentToSignIn(string signIn, string location)
    {
        await using var pod = await Pod.StartAsync("a");
        await using var auth = await Pod.StartAsync("auth", context =>
        {
            context.Response.StatusCode = 401;
            return Task.CompletedTask;
        });
        await using var front = Start(pod, auth, ("auth-signin", signIn));

        var answer = await front.GetAsync(Host, "/a?b=c");

        Assert.Equal((302, location), (Front.Status(answer), Front.Field(answer, "Location")));
    }

    [Fact]
    public async Task NobodyThere_OrTooSlow_500()
    {
        await using var pod = await Pod.StartAsync("a");
        await using var auth = await Pod.StartAsync("auth", context => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted));
        await using var front = Start(pod, auth, ("proxy-read-timeout", "100ms"));

        Assert.Equal(500, Front.Status(await front.GetAsync(Host, "/")));
        await auth.DisposeAsync();
        Assert.Equal(500, Front.Status(await front.GetAsync(Host, "/")));
        Assert.Empty(pod.Seen);
    }

    private static Front Start(Pod pod, Pod auth, params (string, string)[] more)
    {
        var front = Front.Start();
        front.Service("web", pod).Objects.Ingress("one", Host, ["Prefix /"], [("auth-url", $"http://{auth.Address}:{Pod.Port}/check"), .. more]);
        front.Commit();
        return front;
    }
}
