using Fairlead.Unit.Ingress.Routes;
using k8s.Models;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Fairlead.Unit.Ingress.Proxy;

/// <summary>What annotations do to a request that goes all the way; those with rules of some size have tests of their own beside this one.</summary>
public sealed class AnnotationEffectTests
{
    private const string Host = "kubia.example.com";

    [Theory]
    [InlineData("upstream-vhost", "other.example.com", "Host", "other.example.com")]
    [InlineData("upstream-vhost", "$host.internal", "Host", "kubia.example.com.internal")]
    [InlineData("x-forwarded-prefix", "/shop", "X-Forwarded-Prefix", "/shop")]
    [InlineData("x-forwarded-prefix", "", "X-Forwarded-Prefix", "of the client")]
    public async Task Field_ThatThePodGets_OnEitherPath(string name, string value, string field, string expected)
    {
        await using var pod = await Pod.StartAsync("a");
        await using var front = Front.Start();
        (string, string)[] annotations = value.Length == 0 ? [] : [(name, value)];
        front.Service("web", pod).Objects.Ingress("lean", Host, ["Prefix /lean"], annotations).Ingress("kestrel", Host, ["Prefix /kestrel"], [.. annotations, ("enable-cors", "true")]);
        front.Commit();

        foreach (var path in new[] { "/lean", "/kestrel" })
        {
            Assert.Equal(200, Front.Status(await front.GetAsync(Host, path, "X-Forwarded-Prefix: of the client")));
            Assert.True(pod.Seen.TryDequeue(out var seen));
            Assert.Equal(expected, seen.Fields.GetValueOrDefault(field));
        }
    }

    [Fact]
    public async Task ServerAlias_IsTheSameHost_UnlessAnotherIngressHasIt()
    {
        await using var pod = await Pod.StartAsync("a");
        await using var taken = await Pod.StartAsync("taken");
        await using var front = Front.Start();
        front.Service("web", pod).Service("taken", taken).Objects
            .Ingress("own", "second.example.com", ["Prefix / taken:80"])
            .Ingress("one", Host, ["Prefix /"], ("server-alias", "first.example.com, second.example.com"));
        front.Commit();

        Assert.Equal("a", Front.Body(await front.GetAsync("first.example.com", "/")));
        Assert.Equal("taken", Front.Body(await front.GetAsync("second.example.com", "/")));
        Assert.Equal(("one", "PathConflict"), (Assert.Single(front.Objects.Problems).Ingress.Name, front.Objects.Problems[0].Problem.Reason));
    }

    [Fact]
    public void ServiceUpstream_IsTheClusterIp_InPlaceOfThePods()
    {
        var some = new Some().Service("web", new V1ServiceSpec { ClusterIP = "10.96.0.9", Ports = [new V1ServicePort { Port = 80 }] }).Ingress("one", Host, ["Prefix /"], ("service-upstream", "true"));
        some.Slice("web", "1", [new() { Port = 8080 }], Some.At("10.0.0.1", "a"), Some.At("10.0.0.2", "b"));

        Assert.Equal(["10.96.0.9:80"], some.Commit().Routes.Find(Host, "/")!.Backend!.State.Endpoints.Select(endpoint => endpoint.Authority));
    }

    [Theory]
    [InlineData("https://a.example/x", null, null, "301 https://a.example/x")]
    [InlineData("https://a.example/x", "308", null, "308 https://a.example/x")]
    [InlineData(null, null, "https://b.example$request_uri", "302 https://b.example/path?q")]
    [InlineData("https://a.example/x", null, "https://b.example/y", "302 https://b.example/y")]
    public async Task Redirects_PermanentAndTemporal(string? permanent, string? code, string? temporal, string expected)
    {
        await using var front = Front.Start();
        front.Objects.Ingress("one", Host, ["Prefix /"], [.. new[] { ("permanent-redirect", permanent!), ("permanent-redirect-code", code!), ("temporal-redirect", temporal!) }.Where(pair => pair.Item2 is not null)]);
        front.Commit();

        var answer = await front.GetAsync(Host, "/path?q");

        Assert.Equal(expected, $"{Front.Status(answer)} {Front.Field(answer, "Location")}");
    }

    [Theory]
    [InlineData("", "route=TOKEN; Path=/; HttpOnly")]
    [InlineData("session-cookie-path=/app", "route=TOKEN; Path=/app; HttpOnly")]
    [InlineData("session-cookie-domain=example.com", "route=TOKEN; Domain=example.com; Path=/; HttpOnly")]
    [InlineData("session-cookie-secure=true", "route=TOKEN; Path=/; Secure; HttpOnly")]
    [InlineData("session-cookie-samesite=Lax", "route=TOKEN; Path=/; HttpOnly; SameSite=Lax")]
    [InlineData("session-cookie-samesite=None", "route=TOKEN; Path=/; HttpOnly; SameSite=None")]
    [InlineData("session-cookie-samesite=None session-cookie-conditional-samesite-none=true", "route=TOKEN; Path=/; HttpOnly")]
    [InlineData("session-cookie-max-age=60 session-cookie-expires=-1", "route=TOKEN; Expires=DATE; Max-Age=60; Path=/; HttpOnly")]
    public async Task SessionCookie_IsWrittenAsAsked(string annotations, string expected)
    {
        await using var pod = await Pod.StartAsync("a");
        await using var front = Front.Start();
        (string, string)[] more = [.. annotations.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(text => (text.Split('=')[0], text.Split('=')[1]))];
        front.Service("web", pod).Objects.Ingress("one", Host, ["Prefix /"], [("affinity", "cookie"), ("session-cookie-name", "route"), .. more]);
        front.Commit();

        // A browser that would take None for Strict.
        var cookie = Front.Field(await front.GetAsync(Host, "/", "User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 12_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.0 Mobile/15E148 Safari/604.1"), "Set-Cookie")!;

        Assert.Equal(expected, System.Text.RegularExpressions.Regex.Replace(System.Text.RegularExpressions.Regex.Replace(cookie, "=[A-Za-z0-9_-]{22};", "=TOKEN;"), "Expires=[^;]+ GMT;", "Expires=DATE;"));
    }

    [Theory]
    [InlineData("Mozilla/5.0 (iPad; CPU OS 12_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/77.0 Mobile/15E148 Safari/604.1", true)]
    [InlineData("Mozilla/5.0 (iPhone; CPU iPhone OS 13_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.0 Mobile/15E148 Safari/604.1", false)]
    [InlineData("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_14_6) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1.2 Safari/605.1.15", true)]
    [InlineData("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_14_6) AppleWebKit/605.1.15 (KHTML, like Gecko)", true)]
    [InlineData("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_14_6) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/76.0.3809.132 Safari/537.36", false)]
    [InlineData("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/51.0.2704.103 Safari/537.36", true)]
    [InlineData("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/67.0.3396.99 Safari/537.36", false)]
    [InlineData("Mozilla/5.0 (Linux; U; Android 9) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/57.0.2987.108 UCBrowser/12.13.0.1207 Mobile Safari/537.36", true)]
    [InlineData("Mozilla/5.0 (Linux; U; Android 9) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/57.0.2987.108 UCBrowser/12.13.2.1208 Mobile Safari/537.36", false)]
    [InlineData("curl/7.88.1", false)]
    public void SameSiteNone_OfBrowsersThatMisreadIt(string agent, bool misread) => Assert.Equal(misread, Fairlead.Ingress.Proxy.SameSiteNone.IsMisread(agent));

    [Theory]
    [InlineData("false")]
    [InlineData("true")]
    public async Task ChangeOnFailure_SaysWhetherASessionMoves_WhenItsPodFails(string moves)
    {
        await using var a = await Pod.StartAsync("a");
        await using var b = await Pod.StartAsync("b");
        await using var front = Front.Start();
        front.Service("web", a, b).Objects.Ingress("one", Host, ["Prefix /"], ("affinity", "cookie"), ("session-cookie-name", "route"), ("session-cookie-change-on-failure", moves));
        front.Commit();
        var first = await front.GetAsync(Host, "/");
        var (mine, other) = Front.Body(first) == "a" ? (a, b) : (b, a);
        var cookie = Front.Field(first, "Set-Cookie")!.Split(';')[0];
        await mine.DisposeAsync();

        var second = await front.GetAsync(Host, "/", $"Cookie: {cookie}");

        Assert.Equal(other.Name, Front.Body(second));
        // Without the annotation the pod that failed is still the session's: it may come back.
        Assert.Equal(moves == "true", Front.Field(second, "Set-Cookie") is not null);
    }

    [Fact]
    public async Task BasicAuth_AsksForAPassword_AndThePodDoesNotGetIt()
    {
        await using var pod = await Pod.StartAsync("a");
        await using var front = Front.Start();
        front.Service("web", pod).Objects.Secret("users", ("auth", "jane:{PLAIN}x")).Ingress("one", Host, ["Prefix /"], ("auth-type", "basic"), ("auth-secret", "users"), ("auth-realm", "my shop"));
        front.Commit();

        var asked = await front.GetAsync(Host, "/");
        Assert.Equal((401, "Basic realm=\"my shop\""), (Front.Status(asked), Front.Field(asked, "WWW-Authenticate")));
        Assert.Equal(401, Front.Status(await front.GetAsync(Host, "/", "Authorization: Basic amFuZTp5")));
        Assert.Empty(pod.Seen);
        Assert.Equal("a", Front.Body(await front.GetAsync(Host, "/", "Authorization: Basic amFuZTp4")));
        Assert.False(Assert.Single(pod.Seen).Fields.ContainsKey("Authorization"));
    }

    [Theory]
    [InlineData("limit-rps", 1 + 5)]
    [InlineData("limit-rpm", 1 + 5)]
    public async Task Limit_LetsTheBurstThrough_AndThenAnswers503(string name, int through)
    {
        await using var pod = await Pod.StartAsync("a");
        await using var front = Front.Start();
        front.Service("web", pod).Objects.Ingress("one", Host, ["Prefix /"], (name, "1")).Ingress("free", "free.example.com", ["Prefix /"], (name, "1"), ("limit-whitelist", "127.0.0.0/8"));
        front.Commit();

        // The clock is the machine's: of requests a second one more may have drained.
        var statuses = new List<int>();
        for (var i = 0; i < 12; i++) statuses.Add(Front.Status(await front.GetAsync(Host, "/")));

        Assert.InRange(statuses.Count(status => status == 200), through, through + 2);
        Assert.All(statuses, status => Assert.True(status is 200 or 503));
        for (var i = 0; i < 12; i++) Assert.Equal(200, Front.Status(await front.GetAsync("free.example.com", "/")));
    }

    [Fact]
    public async Task LimitConnections_RefusesTheSecondAtOnce()
    {
        var go = new TaskCompletionSource();
        await using var pod = await Pod.StartAsync("a", async context =>
        {
            await go.Task;
            await context.Response.WriteAsync("done");
        });
        await using var front = Front.Start();
        front.Service("web", pod).Objects.Ingress("one", Host, ["Prefix /"], ("limit-connections", "1"));
        front.Commit();
        var first = front.GetAsync(Host, "/");
        while (pod.Seen.IsEmpty) await Task.Yield();

        Assert.Equal(503, Front.Status(await front.GetAsync(Host, "/")));
        go.SetResult();
        Assert.Equal("done", Front.Body(await first));
    }

    [Theory]
    [InlineData("canary-by-header=X-C canary-by-header-value=blue", "X-C: blue", true)]
    [InlineData("canary-by-header=X-C canary-by-header-value=blue", "X-C: always", false)]
    [InlineData("canary-by-header=X-C canary-by-header-pattern=^bl", "X-C: black", true)]
    [InlineData("canary-by-header=X-C canary-by-header-pattern=^bl", "X-C: always", false)]
    [InlineData("canary-by-cookie=c", "Cookie: c=always", true)]
    [InlineData("canary-by-cookie=c", "Cookie: c=never", false)]
    [InlineData("canary-weight=100", "X: y", true)]
    [InlineData("canary-weight=0", "X: y", false)]
    [InlineData("canary-weight=10 canary-weight-total=10", "X: y", true)]
    public async Task Canary_GetsTheRequestsThatItAsksFor(string annotations, string field, bool canary)
    {
        await using var old = await Pod.StartAsync("old");
        await using var young = await Pod.StartAsync("young");
        await using var front = Front.Start();
        (string, string)[] more = [.. annotations.Split(' ').Select(text => (text.Split('=')[0], text.Split('=')[1]))];
        front.Service("web", old).Service("young", young).Objects.Ingress("main", Host, ["Prefix /"]).Ingress("canary", Host, ["Prefix / young:80"], [("canary", "true"), .. more]);
        front.Commit();

        Assert.Equal(canary ? "young" : "old", Front.Body(await front.GetAsync(Host, "/", field)));
    }

    [Theory]
    [InlineData(null, 308)]
    [InlineData("false", 200)]
    public async Task SslRedirect_IsGiven_WhereTheHostHasTls_UnlessItIsNotWanted(string? wanted, int status)
    {
        await using var pod = await Pod.StartAsync("a");
        await using var front = Front.Start();
        var ingress = front.Objects.Make("one", Host, ["Prefix /"], [.. new[] { ("ssl-redirect", wanted!) }.Where(pair => pair.Item2 is not null)]);
        ingress.Spec.Tls = [new V1IngressTLS { Hosts = [Host], SecretName = "tls" }];
        front.Service("web", pod).Objects.Builder.SetIngress(new("default", "one"), Fairlead.Ingress.Routes.Objects.IngressInfo.From(ingress));
        front.Commit();

        Assert.Equal(status, Front.Status(await front.GetAsync(Host, "/")));
    }
}
