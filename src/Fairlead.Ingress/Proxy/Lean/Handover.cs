using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Threading.Channels;
using Fairlead.Ingress.Tls;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Fairlead.Ingress.Proxy.Lean;

/// <summary>Where Kestrel "listens" for connections that the lean path gives up.</summary>
internal sealed class HandoverEndPoint(string name, HttpProtocols protocols) : EndPoint
{
    internal HttpProtocols Protocols => protocols;

    public override string ToString() => $"handover:{name}";
}

/// <summary>
/// Gives connections to Kestrel with what was read of them already: what the lean path does not do, Kestrel does, from the request's first byte
/// on. There is no way back.
/// </summary>
internal sealed class Handover : IConnectionListenerFactory, IConnectionListenerFactorySelector, IDisposable
{
    internal static readonly HandoverEndPoint Plain = new("http", HttpProtocols.Http1);
    internal static readonly HandoverEndPoint Tls = new("https", HttpProtocols.Http1);
    internal static readonly HandoverEndPoint Http2 = new("h2", HttpProtocols.Http2);
    private readonly Dictionary<EndPoint, Channel<ConnectionContext>> _waiting = new[] { Plain, Tls, Http2 }.ToDictionary(point => (EndPoint)point, _ => Channel.CreateUnbounded<ConnectionContext>());
    private readonly SocketConnectionContextFactory _factory = new(new SocketConnectionFactoryOptions(), NullLogger.Instance);

    internal static IReadOnlyList<HandoverEndPoint> EndPoints => [Plain, Tls, Http2];

    public bool CanBind(EndPoint endpoint) => _waiting.ContainsKey(endpoint);

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) => ValueTask.FromResult<IConnectionListener>(new Listener(endpoint, _waiting[endpoint]));

    /// <param name="descriptor">Of the connected socket, Kestrel's from now on.</param>
    /// <param name="client">Who it is, where that is not the other end of the socket.</param>
    /// <param name="read">Bytes that were read, and are to be read again.</param>
    internal void Give(int descriptor, IPEndPoint? client, ReadOnlySpan<byte> read)
    {
        var socket = Connect(descriptor, client);
        var input = new PrefixStream(read.ToArray(), socket.Transport.Input.AsStream());
        Offer(Plain, new HandedConnection(socket, PipeReader.Create(input), socket.Transport.Output, null));
    }

    internal void Give(int descriptor, IPEndPoint? client, ReadOnlySpan<byte> read, SslStream tls, LoopStream below, ClientVerdict? verdict)
    {
        var socket = Connect(descriptor, client);
        below.MoveTo(new TransportStream(socket.Transport));
        var input = new PrefixStream(read.ToArray(), tls);
        var isHttp2 = tls.NegotiatedApplicationProtocol == SslApplicationProtocol.Http2;
        Offer(isHttp2 ? Http2 : Tls, new HandedConnection(socket, PipeReader.Create(input), PipeWriter.Create(tls), tls, verdict));
    }

    /// <summary>What is given from now on is closed.</summary>
    public void Dispose()
    {
        foreach (var waiting in _waiting.Values) waiting.Writer.TryComplete();
        _factory.Dispose();
    }

    private ConnectionContext Connect(int descriptor, IPEndPoint? client)
    {
        var socket = new Socket(new SafeSocketHandle(descriptor, ownsHandle: true)) { NoDelay = true };
        var connection = _factory.Create(socket);
        if (client is not null) connection.RemoteEndPoint = client;
        return connection;
    }

    private void Offer(EndPoint at, HandedConnection connection)
    {
        if (!_waiting[at].Writer.TryWrite(connection)) connection.Abort(new ConnectionAbortedException("the server stops"));
    }

    private sealed class Listener(EndPoint endpoint, Channel<ConnectionContext> waiting) : IConnectionListener
    {
        public EndPoint EndPoint => endpoint;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            while (await waiting.Reader.WaitToReadAsync(cancellationToken))
            {
                if (waiting.Reader.TryRead(out var connection)) return connection;
            }
            return null;
        }

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            waiting.Writer.TryComplete();
            return ValueTask.CompletedTask;
        }

        public ValueTask DisposeAsync() => UnbindAsync();
    }
}
