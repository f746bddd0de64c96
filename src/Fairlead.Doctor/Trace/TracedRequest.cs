using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Fairlead.Doctor.Snapshot;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Doctor.Trace;

/// <summary>One connection out of a pod's network namespace, and requests on it.</summary>
internal sealed class TracedRequest(string networkNamespace, IPEndPoint to, TimeProvider time) : IAsyncDisposable
{
    private const int MostBody = 4096;
    private static readonly TimeSpan ConnectPatience = TimeSpan.FromSeconds(2), AnswerPatience = TimeSpan.FromSeconds(10);
    private Stream? _stream;
    private HttpClient? _client;

    /// <summary>The connection's own end; null until it is connected.</summary>
    internal IPEndPoint? Local { get; private set; }

    internal async Task<(ConnectOutcome Outcome, TimeSpan Took)> ConnectAsync(CancellationToken cancel)
    {
        using var opened = NetworkNamespace.Open(networkNamespace);
        using var patience = new CancellationTokenSource(ConnectPatience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancel);
        var start = time.GetTimestamp();
        try
        {
            var socket = await opened.ConnectTcpAsync(to, either.Token);
            var took = time.GetElapsedTime(start);
            _stream = new NetworkStream(socket, ownsSocket: true);
            Local = (IPEndPoint)socket.LocalEndPoint!;
            return (ConnectOutcome.Connected, took);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return (ConnectOutcome.Silent, time.GetElapsedTime(start));
        }
        catch (SocketException e)
        {
            return (e.SocketErrorCode == SocketError.ConnectionRefused ? ConnectOutcome.Refused : ConnectOutcome.Unreachable, time.GetElapsedTime(start));
        }
    }

    /// <summary>TLS, where the URL asks for it. Any certificate will do; who it is for is told.</summary>
    internal async Task SecureAsync(Uri url, TraceLog trace, CancellationToken cancel)
    {
        if (url.Scheme != "https") return;
        var start = time.GetTimestamp();
        var doubts = SslPolicyErrors.None;
        var secure = new SslStream(_stream!, leaveInnerStreamOpen: false);
        _stream = secure;
        try
        {
#pragma warning disable CA5359 // A trace shows what happens; nothing secret is sent, and doubts about the certificate are told.
            await secure.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = url.Host,
                CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
                RemoteCertificateValidationCallback = (_, _, _, errors) =>
                {
                    doubts = errors;
                    return true;
                },
            }, cancel);
#pragma warning restore CA5359
            trace.Step("tls", $"{secure.SslProtocol}, certificate {secure.RemoteCertificate?.Subject} of {secure.RemoteCertificate?.Issuer}{(doubts.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch) ? $", which is not for {url.Host}" : "")}", time.GetElapsedTime(start));
        }
        catch (Exception e) when (e is AuthenticationException or IOException)
        {
            trace.Findings.Add(new Finding(Severity.Problem, "tls-fails", url.Host, "the TLS handshake fails", e.Message, "use http:// if the server speaks plain HTTP at this port"));
            await secure.DisposeAsync();
            _stream = null;
        }
    }

    /// <summary>The beginning of the answer's body; null when there was no answer.</summary>
    internal async Task<string?> GetAsync(Uri url, TraceLog trace, CancellationToken cancel)
    {
        if (_stream is null) return null;
        using var patience = new CancellationTokenSource(AnswerPatience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancel);
        var start = time.GetTimestamp();
        try
        {
            using var response = await SendAsync(url, either.Token);
            var took = time.GetElapsedTime(start);
            var body = await BeginningAsync(response, either.Token);
            trace.Step("answer", string.Create(CultureInfo.InvariantCulture, $"{(int)response.StatusCode} {response.ReasonPhrase}: {body.Split('\n')[0]}").TrimEnd(), took);
            return body;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException && !cancel.IsCancellationRequested)
        {
            trace.Findings.Add(new Finding(Severity.Problem, "no-answer", to.ToString(), "it took the connection, but gave no HTTP answer", e is OperationCanceledException ? $"waited {AnswerPatience.TotalSeconds:F0} s" : (e.InnerException ?? e).Message, "look at the server's log"));
            return null;
        }
    }

    /// <summary>One more request on the same connection; null when it was not answered with 200.</summary>
    internal async Task<string?> GetTextAsync(Uri url, CancellationToken cancel)
    {
        try
        {
            using var response = await SendAsync(url, cancel);
            return response.IsSuccessStatusCode ? await BeginningAsync(response, cancel) : null;
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        _client?.Dispose();
        if (_stream is not null) await _stream.DisposeAsync();
    }

    private Task<HttpResponseMessage> SendAsync(Uri url, CancellationToken cancel)
    {
        // TLS is spoken by the stream already; the server is to see the host as a client of the URL names it.
        var plain = url.Scheme == "https" ? new UriBuilder(url) { Scheme = "http", Port = url.Port }.Uri : url;
        var request = new HttpRequestMessage(HttpMethod.Get, plain);
        request.Headers.Host = url.Authority;
        return Client().SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
    }

    private HttpClient Client() => _client ??= new HttpClient(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseProxy = false,
        MaxConnectionsPerServer = 1,
        ConnectCallback = (_, _) =>
        {
            var stream = Interlocked.Exchange(ref _stream, null);
            return stream is null ? throw new IOException("the server closed the connection") : ValueTask.FromResult(stream);
        },
    });

    private static async Task<string> BeginningAsync(HttpResponseMessage response, CancellationToken cancel)
    {
        var buffer = new byte[MostBody];
        await using var stream = await response.Content.ReadAsStreamAsync(cancel);
        var length = await stream.ReadAtLeastAsync(buffer, MostBody, throwOnEndOfStream: false, cancel);
        return System.Text.Encoding.UTF8.GetString(buffer, 0, length);
    }
}
