using System.Net;
using System.Net.Sockets;
using System.Text;
using Fairlead.Ingress;
using Fairlead.Ingress.Metrics;
using Fairlead.Ingress.Proxy;
using Fairlead.Ingress.Proxy.Kestrel;
using Fairlead.Ingress.Proxy.Lean;
using Fairlead.Ingress.Routes;
using Fairlead.Ingress.Status;
using Fairlead.Ingress.Tls;
using Fairlead.Unit.Ingress.Routes;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.Unit.Ingress.Proxy;

/// <summary>The proxy without an API server: routes from objects, real sockets on both sides.</summary>
internal sealed class Front : IAsyncDisposable
{
    private static readonly ForwardedHeaders Forwarded = new(80, 443, trust: false);
    private readonly SnapshotHolder _holder = new();
    private readonly Upstreams _upstreams = new(System.Net.Dns.GetHostAddressesAsync);
    private readonly AccessLog? _access;
    private readonly IngressServer _server;

    private Front(AccessLog? access, Func<Front, Task<IngressServer>> start)
    {
        _access = access;
        _server = start(this).GetAwaiter().GetResult();
    }

    public Some Objects { get; } = new();

    public IPEndPoint Http => _server.Addresses[0];

    public IPEndPoint Https => _server.Addresses[1];

    /// <param name="with">What differs from the usual options.</param>
    public static Front Start(Func<IngressOptions, IngressOptions>? with = null, AccessLog? access = null)
    {
        var address = Loopback.Next();
        var options = new IngressOptions { Http = [new(address, 8080)], Https = [new(address, 8443)], ShutdownGrace = TimeSpan.FromMilliseconds(100) };
        options = with?.Invoke(options) ?? options;
        return new Front(access, front => IngressServer.StartAsync(
            options, new LeanRules(front._holder, new CertificateChooser(front._holder, TimeProvider.System), Forwarded, access, 443, NullLogger.Instance, TimeProvider.System) { HeadPatience = options.HeaderTimeout, ProxyProtocolFrom = new(options.ProxyProtocolFrom) },
            forwarder => front.Handler(forwarder).HandleAsync, new StatusAnswers(new MetricsRegistry(), front._holder, null, "test"), NullLoggerFactory.Instance, CancellationToken.None));
    }

    /// <summary>Makes what was changed in <see cref="Objects"/> take effect.</summary>
    public void Commit() => _holder.Current = Objects.Commit();

    /// <summary>A Service of port 80 with these pods, and its endpoints.</summary>
    public Front Service(string name, params Pod[] pods)
    {
        Objects.Service(name, new V1ServiceSpec { ClusterIP = "10.96.0.9", Ports = [new V1ServicePort { Port = 80 }] });
        Objects.Slice(name, "1", [new Discoveryv1EndpointPort { Port = Pod.Port, Protocol = "TCP" }], [.. pods.Select(pod => Some.At(pod.Address.ToString(), pod.Name))]);
        return this;
    }

    /// <summary>The same, of pods that only have an address.</summary>
    public Front Service(string name, params IPAddress[] pods)
    {
        Objects.Service(name, new V1ServiceSpec { ClusterIP = "10.96.0.9", Ports = [new V1ServicePort { Port = 80 }] });
        Objects.Slice(name, "1", [new Discoveryv1EndpointPort { Port = Pod.Port, Protocol = "TCP" }], [.. pods.Select(pod => Some.At(pod.ToString(), pod.ToString()))]);
        return this;
    }

    /// <summary>Sends text as it is and answers all that comes until the server closes, or the pause that ends an answer.</summary>
    public async Task<string> RawAsync(string request, bool untilClosed = false)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(Http);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes(request));
        var answer = new StringBuilder();
        var buffer = new byte[65536];
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        while (true)
        {
            int count;
            try
            {
                count = await stream.ReadAsync(buffer, patience.Token);
            }
            catch (IOException)
            {
                count = 0;
            }
            catch (OperationCanceledException)
            {
                throw new TimeoutException($"it goes on after: {answer}");
            }
            if (count == 0) return answer.ToString();
            answer.Append(Encoding.Latin1.GetString(buffer, 0, count));
            if (!untilClosed && IsWhole(answer.ToString())) return answer.ToString();
        }
    }

    /// <summary>GET by host and path; further lines are header fields.</summary>
    public Task<string> GetAsync(string host, string target, params string[] fields) => SendAsync("GET", host, target, fields);

    public Task<string> SendAsync(string method, string host, string target, params string[] fields) =>
        RawAsync($"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{string.Concat(fields.Select(field => field + "\r\n"))}\r\n");

    public static int Status(string answer) => int.Parse(answer.Split(' ')[1]);

    public static string? Field(string answer, string name) =>
        answer.Split("\r\n").TakeWhile(line => line.Length > 0).Where(line => line.StartsWith(name + ": ", StringComparison.OrdinalIgnoreCase)).Select(line => line[(name.Length + 2)..]).FirstOrDefault();

    public static string Body(string answer)
    {
        var body = answer[(answer.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..];
        if (Field(answer, "Transfer-Encoding") is null) return body;
        var whole = new StringBuilder();
        while (body.Length > 0)
        {
            var line = body.IndexOf("\r\n", StringComparison.Ordinal);
            var length = int.Parse(body[..line], System.Globalization.NumberStyles.HexNumber);
            whole.Append(body, line + 2, length);
            body = body[(line + 2 + length + 2)..];
        }
        return whole.ToString();
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _upstreams.Dispose();
    }

    private RequestHandler Handler(Yarp.ReverseProxy.Forwarder.IHttpForwarder forwarder) => new(
        _holder, new Forwarding(forwarder, _upstreams, Forwarded, NullLogger.Instance, TimeProvider.System), new ErrorPages(_upstreams, TimeProvider.System),
        new ExternalAuth(_upstreams, TimeProvider.System), new RateLimiter(TimeProvider.System), _access, 443, NullLogger.Instance, TimeProvider.System);

    private static bool IsWhole(string answer)
    {
        var end = answer.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        if (end < 0) return false;
        if (Field(answer, "Content-Length") is { } length) return answer.Length >= end + 4 + int.Parse(length);
        if (Field(answer, "Transfer-Encoding") is not null) return answer.EndsWith("0\r\n\r\n", StringComparison.Ordinal);
        return true;
    }
}
