using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Fairlead.Kube.Grpc;

/// <summary>
/// Calls of one gRPC server (gRPC documentation: "gRPC over HTTP2"). Messages are bytes: callers write and read the few that
/// they use with <see cref="Protobuf.WireWriter"/> and <see cref="Protobuf.WireReader"/>. Thread-safe; calls share connections.
/// Every call throws <see cref="GrpcException"/> where it does not end with OK; a deadline is its caller's cancellation.
/// </summary>
public sealed class GrpcChannel : IDisposable
{
    private readonly HttpMessageInvoker _http;
    private readonly Uri _server;
    private readonly string _userAgent;

    private GrpcChannel(Uri server, string userAgent, SocketsHttpHandler handler)
    {
        (_server, _userAgent, _http) = (server, userAgent, new HttpMessageInvoker(handler));
        handler.AllowAutoRedirect = false;
        handler.UseProxy = false;
        handler.UseCookies = false;
        handler.KeepAlivePingDelay = TimeSpan.FromSeconds(10);
        handler.KeepAlivePingTimeout = TimeSpan.FromSeconds(5);
    }

    /// <param name="server"><c>http://host:port</c> or <c>https://host:port</c>.</param>
    /// <param name="tls">Whom to trust and as whom to come; null: the platform's defaults.</param>
    public static GrpcChannel Of(Uri server, string userAgent, SslClientAuthenticationOptions? tls = null)
    {
        var handler = new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(5) };
        if (tls is not null) handler.SslOptions = tls;
        return new(server, userAgent, handler);
    }

    /// <summary>Of a server that listens on a unix socket, such as a container runtime's.</summary>
    public static GrpcChannel OfUnixSocket(string path, string userAgent) => new(new Uri("http://localhost"), userAgent, new SocketsHttpHandler
    {
        ConnectCallback = async (_, cancel) =>
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancel);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        },
    });

    /// <summary>One message there and one back.</summary>
    /// <param name="method"><c>package.Service/Method</c>.</param>
    public async Task<byte[]> CallAsync(string method, ReadOnlyMemory<byte> request, CancellationToken cancel)
    {
        byte[]? answer = null;
        await foreach (var message in ServerStreamAsync(method, request, cancel))
        {
            if (answer is not null) throw new GrpcException(GrpcCode.Internal, $"{method}: more than one answer");
            answer = message;
        }
        return answer ?? throw new GrpcException(GrpcCode.Internal, $"{method}: no answer");
    }

    /// <summary>One message there and any number back.</summary>
    public async IAsyncEnumerable<byte[]> ServerStreamAsync(string method, ReadOnlyMemory<byte> request, [EnumeratorCancellation] CancellationToken cancel)
    {
        using var content = new ReadOnlyMemoryContent(GrpcFrame.Write(request.Span));
        using var response = await SendAsync(method, content, cancel);
        using var answers = await GrpcAnswers.OfAsync(response, cancel);
        while (await answers.NextAsync(cancel) is { } message) yield return message;
    }

    /// <summary>Any number of messages in both directions, beside each other.</summary>
    public GrpcStream Open(string method, CancellationToken cancel)
    {
        var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var content = new GrpcRequests();
        return new GrpcStream(content, SendAsync(method, content, stop.Token), stop);
    }

    public void Dispose() => _http.Dispose();

    private async Task<HttpResponseMessage> SendAsync(string method, HttpContent content, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_server, "/" + method))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        request.Headers.TE.ParseAdd("trailers");
        request.Headers.TryAddWithoutValidation("User-Agent", _userAgent);
        try
        {
            return await _http.SendAsync(request, cancel);
        }
        catch (Exception e) when (e is HttpRequestException or IOException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            throw new GrpcException(GrpcCode.Unavailable, (e.InnerException as SocketException)?.Message ?? e.InnerException?.Message ?? e.Message, e);
        }
    }
}
