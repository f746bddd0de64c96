using System.Net;
using Fairlead.Terminal;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Fairlead.Echo;

/// <summary>
/// gRPC over HTTP/2 in clear (h2c). grpc.health.v1.Health says that it serves (https://github.com/grpc/grpc/blob/master/doc/health-checking.md); any other
/// method answers each message with the same message as it comes, so that it is unary and streaming in both directions at once.
/// </summary>
internal static class EchoGrpc
{
    private const string Kind = "application/grpc";

    /// <summary>HealthCheckResponse of status SERVING, in its frame (a flag, four bytes of length).</summary>
    private static readonly byte[] Serving = [0, 0, 0, 0, 2, 8, 1];

    internal static async Task RunAsync(int port, CancellationToken cancel)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.ListenAnyIP(port, listen => listen.Protocols = HttpProtocols.Http2);
        });
        await using var web = builder.Build();
        web.Run(AnswerAsync);
        try
        {
            await web.StartAsync(cancel);
        }
        catch (IOException)
        {
            throw new UserException($"port {port} is in use; choose another");
        }
        using var over = new CancellationTokenSource();
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await over.CancelAsync();
        await web.StopAsync(over.Token);
    }

    private static async Task AnswerAsync(HttpContext context)
    {
        var (request, response) = (context.Request, context.Response);
        if (request.ContentType?.StartsWith(Kind, StringComparison.Ordinal) != true)
        {
            response.StatusCode = (int)HttpStatusCode.UnsupportedMediaType;
            return;
        }
        response.ContentType = Kind;
        response.Headers["x-served-by"] = EchoServer.HostName;
        var gone = context.RequestAborted;
        try
        {
            switch (request.Path.Value)
            {
                case "/grpc.health.v1.Health/Check":
                    // A call with one message is answered when the message has come.
                    await request.Body.CopyToAsync(Stream.Null, gone);
                    await response.Body.WriteAsync(Serving, gone);
                    break;
                case "/grpc.health.v1.Health/Watch":
                    await response.Body.WriteAsync(Serving, gone);
                    await response.Body.FlushAsync(gone);
                    await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, gone);
                    break;
                default:
                    await EchoAsync(request.Body, response.Body, gone);
                    break;
            }
            response.AppendTrailer("grpc-status", "0");
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The client went away.
        }
    }

    // Framing is the same in both directions.
    private static async Task EchoAsync(Stream from, Stream to, CancellationToken gone)
    {
        var buffer = new byte[16 * 1024];
        while (await from.ReadAsync(buffer, gone) is > 0 and var count)
        {
            await to.WriteAsync(buffer.AsMemory(0, count), gone);
            await to.FlushAsync(gone);
        }
    }
}
