using Fairlead.Unit.Ingress.Routes;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Fairlead.Unit.Ingress.Proxy;

/// <summary>Who answers where a pod does not, or with an error (annotations default-backend, custom-http-errors).</summary>
public sealed class ErrorPageTests
{
    private const string Host = "kubia.example.com";

    [Fact]
    public async Task NoEndpoint_TheDefaultBackendAnswers()
    {
        await using var rest = await Pod.StartAsync("rest");
        await using var front = Front.Start();
        front.Service("web", Array.Empty<Pod>()).Service("rest", rest).Objects.Ingress("one", Host, ["Prefix /"], ("default-backend", "rest"));
        front.Commit();

        var answer = await front.GetAsync(Host, "/a");

        Assert.Equal((200, "rest"), (Front.Status(answer), Front.Body(answer)));
        Assert.Equal("/a", Assert.Single(rest.Seen).Target);
    }

    [Theory]
    [InlineData(404, "page 404")]
    [InlineData(503, "page 503")]
    [InlineData(500, "of the pod")]
    [InlineData(200, "of the pod")]
    public async Task PodsError_ThatIsListed_IsReplaced_AndTheStatusStays(int status, string body)
    {
        await using var pod = await Pod.StartAsync("a", context =>
        {
            context.Response.StatusCode = status;
            return context.Response.WriteAsync("of the pod");
        });
        await using var pages = await PagesAsync();
        await using var front = Start(pod, pages);

        var answer = await front.GetAsync(Host, "/missing?x", "Accept: text/html");

        Assert.Equal((status, body), (Front.Status(answer), Front.Body(answer)));
        if (body[0] == 'o') return;
        Assert.Equal("text/html", Front.Field(answer, "Content-Type"));
        Assert.True(pages.Seen.TryDequeue(out var asked));
        foreach (var (name, value) in new Dictionary<string, string>
        {
            ["X-Code"] = $"{status}", ["X-Format"] = "text/html", ["X-Original-URI"] = "/missing?x", ["X-Namespace"] = "default", ["X-Ingress-Name"] = "one", ["X-Service-Name"] = "web", ["X-Service-Port"] = "80",
        })
        {
            Assert.Equal(value, asked.Fields[name]);
        }
    }

    [Fact]
    public async Task OwnErrors_HavePagesToo()
    {
        var dead = await Pod.StartAsync("dead");
        await dead.DisposeAsync();
        await using var pages = await PagesAsync();
        await using var front = Start(dead, pages, ("proxy-body-size", "1"), ("denylist-source-range", "10.0.0.0/8"));

        Assert.Equal("page 502", Front.Body(await front.GetAsync(Host, "/")));
        var tooLarge = await front.RawAsync($"POST / HTTP/1.1\r\nHost: {Host}\r\nContent-Length: 2\r\n\r\nhi");
        Assert.Equal((413, "page 413"), (Front.Status(tooLarge), Front.Body(tooLarge)));
        front.Service("web", Array.Empty<Pod>());
        // The default backend of the annotation answers in place of the missing endpoints.
        Assert.Equal(200, Front.Status(await front.GetAsync(Host, "/")));
    }

    [Fact]
    public async Task PageThatIsGone_LeavesTheStatus()
    {
        await using var pod = await Pod.StartAsync("a", context =>
        {
            context.Response.StatusCode = 404;
            return context.Response.WriteAsync("of the pod");
        });
        var pages = await PagesAsync();
        await pages.DisposeAsync();
        await using var front = Start(pod, pages);

        var answer = await front.GetAsync(Host, "/");

        Assert.Equal((404, "404 Not Found\n"), (Front.Status(answer), Front.Body(answer)));
    }

    [Fact]
    public void NoPageOfItsOwn_TheDefaultBackendOfAllServes()
    {
        var routes = new Some(new(new("default", "all"), "", 0, false))
            .Ingress("plain", "a.example.com", ["Prefix /"]).Ingress("errors", "b.example.com", ["Prefix /"], ("custom-http-errors", "404")).Commit().Routes;

        Assert.Null(routes.Find("a.example.com", "/")!.ErrorPages);
        Assert.Equal("all", routes.Find("b.example.com", "/")!.ErrorPages!.Key.Service.Name);
        Assert.Null(routes.Find("b.example.com", "/")!.Fallback);
    }

    private static Task<Pod> PagesAsync() => Pod.StartAsync("pages", context =>
    {
        context.Response.ContentType = "text/html";
        return context.Response.WriteAsync($"page {context.Request.Headers["X-Code"]}");
    });

    private static Front Start(Pod pod, Pod pages, params (string, string)[] more)
    {
        var front = Front.Start();
        front.Service("web", pod).Service("pages", pages).Objects.Ingress("one", Host, ["Prefix /"], [("default-backend", "pages"), ("custom-http-errors", "404,413,502,503"), .. more]);
        front.Commit();
        return front;
    }
}
