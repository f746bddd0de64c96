using Fairlead.Node.Probes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Fairlead.Unit.Node;

public sealed class GrpcProbeTests
{
    /// <summary>Answers as a gRPC server does: a frame and trailers, or headers alone.</summary>
    private static async Task<(ProbeVerdict Verdict, byte[] Request)> AskAsync(byte[]? message, string status, string words = "", string service = "")
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        await using var app = builder.Build();
        var seen = new MemoryStream();
        app.Run(async context =>
        {
            Assert.Equal("/grpc.health.v1.Health/Check", context.Request.Path);
            Assert.Equal("application/grpc", context.Request.ContentType);
            await context.Request.Body.CopyToAsync(seen);
            context.Response.ContentType = "application/grpc";
            if (message is null)
            {
                context.Response.Headers["grpc-status"] = status;
                context.Response.Headers["grpc-message"] = words;
                return;
            }
            await context.Response.Body.WriteAsync(message);
            context.Response.AppendTrailer("grpc-status", status);
        });
        await app.StartAsync();
        var verdict = await GrpcHealth.CheckAsync("127.0.0.1", new Uri(app.Urls.First()).Port, service, CancellationToken.None);
        await app.StopAsync();
        return (verdict, seen.ToArray());
    }

    [Theory]
    [InlineData(new byte[] { 0, 0, 0, 0, 2, 8, 1 }, true, "")]
    [InlineData(new byte[] { 0, 0, 0, 0, 2, 8, 2 }, false, "service unhealthy (responded with \"NOT_SERVING\")")]
    [InlineData(new byte[] { 0, 0, 0, 0, 0 }, false, "service unhealthy (responded with \"UNKNOWN\")")]
    [InlineData(new byte[] { 0, 0, 0, 0, 9, 8, 1 }, false, "error: health rpc probe failed: rpc error: code = Internal desc = the answer cannot be read")]
    [InlineData(new byte[] { 0, 0, 0, 0, 1, 15 }, false, "error: health rpc probe failed: the answer cannot be read")]
    public async Task Check_Status_IsTheVerdict(byte[] message, bool passes, string words)
    {
        var (verdict, _) = await AskAsync(message, "0");
        Assert.Equal((passes, words), (verdict.Success, verdict.Message));
    }

    [Theory]
    [InlineData("12", "unknown service", "this server does not implement the grpc health protocol (grpc.health.v1.Health): unknown service")]
    [InlineData("5", "no%20such", "error: health rpc probe failed: rpc error: code = NotFound desc = no such")]
    public async Task Check_Refused_SaysWhy(string status, string words, string expected) => Assert.Equal(expected, (await AskAsync(null, status, words)).Verdict.Message);

    [Fact]
    public async Task Check_Service_IsNamed() => Assert.Equal([0, 0, 0, 0, 5, 10, 3, .. "abc"u8.ToArray()], (await AskAsync([0, 0, 0, 0, 2, 8, 1], "0", service: "abc")).Request);

    [Fact]
    public async Task Check_NobodyListens_Fails()
    {
        var verdict = await GrpcHealth.CheckAsync("127.0.0.1", 1, "", CancellationToken.None);
        Assert.Equal((false, "timeout: failed to connect service \"127.0.0.1:1\": connect: connection refused"), (verdict.Success, verdict.Message));
    }

    [Fact]
    public void Status_OfNoise_NeverThrows()
    {
        var random = new Random(3);
        for (var i = 0; i < 2000; i++)
        {
            var noise = new byte[random.Next(0, 24)];
            random.NextBytes(noise);
            _ = GrpcHealth.ReadStatus(noise);
        }
    }
}
