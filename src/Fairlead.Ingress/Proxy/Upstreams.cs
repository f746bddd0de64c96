using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Fairlead.Ingress.Proxy;

/// <summary>Connections to pods: pools with keep-alive, by address. They belong to the process, so that no change of routes closes one.</summary>
internal sealed class Upstreams : IDisposable
{
    internal static readonly HttpRequestOptionsKey<TimeSpan> ConnectTimeout = new("fairlead.connect-timeout");
    private static readonly TimeSpan DefaultConnectTimeout = TimeSpan.FromSeconds(5);
    private readonly Func<string, CancellationToken, Task<IPAddress[]>> _resolve;

    /// <param name="resolve">Addresses of a host name (ExternalName, auth-url).</param>
    internal Upstreams(Func<string, CancellationToken, Task<IPAddress[]>> resolve)
    {
        _resolve = resolve;
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            UseCookies = false,
            UseProxy = false,
            ActivityHeadersPropagator = null,
            EnableMultipleHttp2Connections = true,
            // Less than the 75 s after which most servers close an idle connection, so that few requests meet a closed one.
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(60),
            ConnectCallback = ConnectAsync,
            PlaintextStreamFilter = static (context, _) =>
            {
                if (context.InitialRequestMessage.Options.TryGetValue(HandshakeStream.Key, out var handshake)) handshake.IsOver();
                return new ValueTask<Stream>(context.PlaintextStream);
            },
            RequestHeaderEncodingSelector = (_, _) => Encoding.Latin1,
            ResponseHeaderEncodingSelector = (_, _) => Encoding.Latin1,
        };
        // As ingress-nginx by default: the way to a pod is encrypted, and no certificate asked for.
#pragma warning disable CA5359
        handler.SslOptions.RemoteCertificateValidationCallback = (_, _, _, _) => true;
#pragma warning restore CA5359
        Invoker = new HttpMessageInvoker(new FlushingHandler(handler), disposeHandler: true);
    }

    internal HttpMessageInvoker Invoker { get; }

    public void Dispose() => Invoker.Dispose();

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancel)
    {
        var target = context.DnsEndPoint;
        var patience = context.InitialRequestMessage.Options.TryGetValue(ConnectTimeout, out var asked) ? asked : DefaultConnectTimeout;
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        timer.CancelAfter(patience);
        try
        {
            var addresses = IPAddress.TryParse(target.Host, out var literal) ? [literal] : await ResolveAsync(target.Host, timer.Token);
            var connection = await ConnectAsync(addresses, target.Port, timer.Token);
            if (context.InitialRequestMessage.RequestUri?.Scheme != Uri.UriSchemeHttps) return connection;
            var secured = new HandshakeStream(connection, patience, TimeProvider.System);
            context.InitialRequestMessage.Options.Set(HandshakeStream.Key, secured);
            return secured;
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new SocketException((int)SocketError.TimedOut);
        }
    }

    private static async Task<Stream> ConnectAsync(IPAddress[] addresses, int port, CancellationToken cancel)
    {
        for (var i = 0; ; i++)
        {
            var socket = new Socket(addresses[i].AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(new IPEndPoint(addresses[i], port), cancel);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (SocketException) when (i + 1 < addresses.Length)
            {
                socket.Dispose();
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
    }

    private async Task<IPAddress[]> ResolveAsync(string host, CancellationToken cancel)
    {
        // A name that someone else's DNS answers must not lead back into this machine's own services.
        var addresses = (await _resolve(host, cancel)).Where(address => !IPAddress.IsLoopback(address) && !address.Equals(IPAddress.Any) && !address.Equals(IPAddress.IPv6Any)).ToArray();
        return addresses.Length > 0 ? addresses : throw new SocketException((int)SocketError.HostNotFound);
    }
}
