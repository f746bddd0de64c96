using Fairlead.Node.Probes;
using k8s.Models;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Fairlead.Unit.Node;

/// <summary>What an HTTP probe makes of redirects (Kubernetes documentation: "Configure Liveness, Readiness and Startup Probes").</summary>
public sealed class HttpProbeTests
{
    [Theory]
    [InlineData("/ok", true, "")]
    [InlineData("/bad", false, "HTTP probe failed with statuscode: 500")]
    [InlineData("/to?/ok", true, "")]
    [InlineData("/to?/bad", false, "HTTP probe failed with statuscode: 500")]
    [InlineData("/to?http://192.0.2.1/x", true, "Probe terminated redirects, Response body: elsewhere")]
    [InlineData("/nowhere", true, "Probe terminated redirects, Response body: ")]
    [InlineData("/round", false, "stopped after 10 redirects")]
    public async Task Get_ByItsAnswer(string path, bool success, string message)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, 0));
        await using var app = builder.Build();
        app.Run(AnswerAsync);
        await app.StartAsync(TestContext.Current.CancellationToken);

        var target = new ProbeTarget(new V1Pod(), new V1Container(), "", "127.0.0.1");
        var get = new V1HTTPGetAction { Path = path, Port = new Uri(app.Urls.First()).Port };
        var verdict = await HttpProbe.RunAsync(get, target, TestContext.Current.CancellationToken);

        Assert.Equal(success, verdict.Success);
        Assert.EndsWith(message, verdict.Message, StringComparison.Ordinal);
        Assert.Equal(message.Length == 0, verdict.Message.Length == 0);
        await app.StopAsync(TestContext.Current.CancellationToken);
    }

    private static Task AnswerAsync(HttpContext context)
    {
        context.Response.StatusCode = context.Request.Path.Value switch { "/ok" => 200, "/bad" => 500, _ => 302 };
        if (context.Request.Path == "/round") context.Response.Headers.Location = "/round";
        if (context.Request.Path != "/to") return Task.CompletedTask;
        context.Response.Headers.Location = context.Request.QueryString.Value![1..];
        return context.Response.WriteAsync("elsewhere");
    }
}
