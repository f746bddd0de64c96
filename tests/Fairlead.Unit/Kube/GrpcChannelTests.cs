using System.Buffers.Binary;
using System.Net.Sockets;
using Fairlead.Kube.Grpc;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Fairlead.Unit.Kube;

/// <summary>Against Kestrel's HTTP/2, with frames made by hand.</summary>
public sealed class GrpcChannelTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fairlead-test-").FullName;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private WebApplication? _app;

    private string Socket => Path.Combine(_folder, "socket");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
            kestrel.ListenUnixSocket(Socket, listen => listen.Protocols = HttpProtocols.Http2);
        });
        _app = builder.Build();
        _app.MapPost("/test/Echo", EchoAsync);
        _app.MapPost("/test/Refuse", context => Refuse(context, "7", "not%20you"));
        _app.MapPost("/test/Break", context => WriteFrameAsync(context, [1]).ContinueWith(_ => context.Abort(), TaskScheduler.Default));
        _app.MapPost("/test/Silent", context => WriteFrameAsync(context, [1]));
        _app.MapPost("/test/Page", context =>
        {
            context.Response.StatusCode = 503;
            return Task.CompletedTask;
        });
        await _app.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _app!.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Call_OneMessage_OneBack(bool isUnix)
    {
        using var channel = isUnix ? GrpcChannel.OfUnixSocket(Socket, "test") : Channel();

        Assert.Equal([1, 2, 3], await channel.CallAsync("test/Echo", new byte[] { 1, 2, 3 }, Cancel));
    }

    [Theory]
    [InlineData("Refuse", GrpcCode.PermissionDenied, "not you")]
    [InlineData("Break", GrpcCode.Unavailable, null)]
    [InlineData("Silent", GrpcCode.Unknown, "the answer has no status")]
    [InlineData("Page", GrpcCode.Unknown, "unexpected HTTP status code 503")]
    public async Task Call_ThatFails_SaysHow(string method, GrpcCode code, string? message)
    {
        using var channel = Channel();

        var failure = await Assert.ThrowsAsync<GrpcException>(() => channel.CallAsync($"test/{method}", ReadOnlyMemory<byte>.Empty, Cancel));

        Assert.Equal(code, failure.Code);
        if (message is not null) Assert.Equal(message, failure.Message);
    }

    [Fact]
    public async Task Call_NobodyListens_IsUnavailable()
    {
        using var channel = GrpcChannel.OfUnixSocket(Socket + "x", "test");

        Assert.Equal(GrpcCode.Unavailable, (await Assert.ThrowsAsync<GrpcException>(() => channel.CallAsync("test/Echo", ReadOnlyMemory<byte>.Empty, Cancel))).Code);
    }

    [Fact]
    public async Task Stream_BothWays_AnswersWhileItIsWritten()
    {
        using var channel = Channel();
        await using var stream = channel.Open("test/Echo", Cancel);

        await stream.WriteAsync(new byte[] { 1 }, Cancel);
        Assert.Equal([1], await stream.ReadAsync(Cancel));
        await stream.WriteAsync(new byte[] { 2, 2 }, Cancel);
        Assert.Equal([2, 2], await stream.ReadAsync(Cancel));
        stream.EndWriting();

        Assert.Null(await stream.ReadAsync(Cancel));
    }

    [Fact]
    public async Task Stream_ThatIsGivenUp_EndsAtTheServer()
    {
        using var channel = Channel();
        await using (var stream = channel.Open("test/Echo", Cancel))
        {
            await stream.WriteAsync(new byte[] { 1 }, Cancel);
            await stream.ReadAsync(Cancel);
        }

        await _ended.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancel);
    }

    [Fact]
    public async Task Stream_NobodyListens_WritingSaysSo()
    {
        using var channel = GrpcChannel.OfUnixSocket(Socket + "x", "test");
        await using var stream = channel.Open("test/Echo", Cancel);

        Assert.Equal(GrpcCode.Unavailable, (await Assert.ThrowsAsync<GrpcException>(() => stream.WriteAsync(ReadOnlyMemory<byte>.Empty, Cancel))).Code);
    }

    private GrpcChannel Channel() => GrpcChannel.Of(new Uri(_app!.Urls.First(url => url.StartsWith("http://1", StringComparison.Ordinal))), "test");

    private async Task EchoAsync(HttpContext context)
    {
        using var _ = context.RequestAborted.Register(() => _ended.TrySetResult());
        try
        {
            var header = new byte[5];
            while (await context.Request.Body.ReadAtLeastAsync(header, 5, throwOnEndOfStream: false) == 5)
            {
                var message = new byte[BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(1))];
                await context.Request.Body.ReadExactlyAsync(message);
                await WriteFrameAsync(context, message);
            }
            context.Response.AppendTrailer("grpc-status", "0");
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            _ended.TrySetResult();
        }
    }

    private static async Task WriteFrameAsync(HttpContext context, byte[] message)
    {
        await context.Response.Body.WriteAsync(GrpcFrame.Write(message));
        await context.Response.Body.FlushAsync();
    }

    private static Task Refuse(HttpContext context, string status, string words)
    {
        context.Response.Headers["grpc-status"] = status;
        context.Response.Headers["grpc-message"] = words;
        return Task.CompletedTask;
    }
}
