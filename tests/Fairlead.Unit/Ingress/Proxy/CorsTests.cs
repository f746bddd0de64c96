using Xunit;

namespace Fairlead.Unit.Ingress.Proxy;

/// <summary>Cross-origin requests (annotations enable-cors, cors-*).</summary>
public sealed class CorsTests
{
    private const string Host = "kubia.example.com";

    [Theory]
    [InlineData("", "https://any.example", "*")]
    [InlineData("", "", "*")]
    [InlineData("https://app.example.com", "https://app.example.com", "https://app.example.com")]
    [InlineData("https://app.example.com", "https://evil.example.com", null)]
    [InlineData("https://app.example.com", "", null)]
    [InlineData("https://*.example.com", "https://a.example.com", "https://a.example.com")]
    [InlineData("https://*.example.com", "https://a.b.example.com", null)]
    [InlineData("https://*.example.com", "https://example.com", null)]
    [InlineData("https://*.example.com", "http://a.example.com", null)]
    [InlineData("https://*.example.com", "https://evil.com/.example.com", null)]
    [InlineData("https://one.example, http://two.example:8080", "http://two.example:8080", "http://two.example:8080")]
    public async Task Origin_ThatIsMeant_IsAllowed_InAnswersAndPreflights(string allowed, string origin, string? expected)
    {
        await using var pod = await Pod.StartAsync("a");
        await using var front = Front.Start();
        (string, string)[] annotations = allowed.Length == 0 ? [("enable-cors", "true")] : [("enable-cors", "true"), ("cors-allow-origin", allowed)];
        front.Service("web", pod).Objects.Ingress("one", Host, ["Prefix /"], annotations);
        front.Commit();
        string[] field = origin.Length == 0 ? [] : [$"Origin: {origin}"];

        var answer = await front.GetAsync(Host, "/", field);
        var preflight = await front.SendAsync("OPTIONS", Host, "/", field);

        Assert.Equal((200, "a", expected), (Front.Status(answer), Front.Body(answer), Front.Field(answer, "Access-Control-Allow-Origin")));
        Assert.Equal((204, expected), (Front.Status(preflight), Front.Field(preflight, "Access-Control-Allow-Origin")));
        Assert.Single(pod.Seen);
    }

    [Fact]
    public async Task Details_AreThoseOfTheAnnotations()
    {
        await using var pod = await Pod.StartAsync("a", context =>
        {
            context.Response.Headers.AccessControlAllowOrigin = "of the pod";
            return Task.CompletedTask;
        });
        await using var front = Front.Start();
        front.Service("web", pod).Objects
            .Ingress("usual", "usual.example.com", ["Prefix /"], ("enable-cors", "true"))
            .Ingress("own", Host, ["Prefix /"], ("enable-cors", "true"), ("cors-allow-methods", "GET"), ("cors-allow-headers", "X-One"), ("cors-expose-headers", "X-Two"), ("cors-allow-credentials", "false"), ("cors-max-age", "60"));
        front.Commit();

        var usual = await front.SendAsync("OPTIONS", "usual.example.com", "/", "Origin: https://a");
        Assert.Equal(
            ("GET, PUT, POST, DELETE, PATCH, OPTIONS", "true", "1728000", null),
            (Front.Field(usual, "Access-Control-Allow-Methods"), Front.Field(usual, "Access-Control-Allow-Credentials"), Front.Field(usual, "Access-Control-Max-Age"), Front.Field(usual, "Access-Control-Expose-Headers")));
        var own = await front.GetAsync(Host, "/", "Origin: https://a");
        Assert.Equal(
            ("GET", "X-One", "X-Two", null, "60"),
            (Front.Field(own, "Access-Control-Allow-Methods"), Front.Field(own, "Access-Control-Allow-Headers"), Front.Field(own, "Access-Control-Expose-Headers"),
                Front.Field(own, "Access-Control-Allow-Credentials"), Front.Field(own, "Access-Control-Max-Age")));
        Assert.Equal("*", Front.Field(own, "Access-Control-Allow-Origin"));
    }
}
