using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Fairlead.Ingress.Tls;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Fairlead.Ingress.Proxy.Lean;

/// <summary>A connection that begins with bytes read before, or with its TLS handshake done.</summary>
internal sealed class HandedConnection : ConnectionContext, IDuplexPipe, ITlsConnectionFeature, ITlsApplicationProtocolFeature, ITlsHandshakeFeature
{
    private readonly ConnectionContext _socket;
    private readonly SslStream? _tls;

    internal HandedConnection(ConnectionContext socket, PipeReader input, PipeWriter output, SslStream? tls, ClientVerdict? verdict = null)
    {
        (_socket, Input, Output, _tls) = (socket, input, output, tls);
        Features = new FeatureCollection(socket.Features);
        Transport = this;
        if (tls is null) return;
        if (verdict is not null) Features.Set(verdict);
        Features.Set<ITlsConnectionFeature>(this);
        Features.Set<ITlsApplicationProtocolFeature>(this);
        Features.Set<ITlsHandshakeFeature>(this);
    }

    public PipeReader Input { get; }
    public PipeWriter Output { get; }
    public override IDuplexPipe Transport { get; set; }
    public override IFeatureCollection Features { get; }
    public override string ConnectionId { get => _socket.ConnectionId; set => _socket.ConnectionId = value; }
    public override IDictionary<object, object?> Items { get => _socket.Items; set => _socket.Items = value; }
    public override EndPoint? LocalEndPoint { get => _socket.LocalEndPoint; set => _socket.LocalEndPoint = value; }
    public override EndPoint? RemoteEndPoint { get => _socket.RemoteEndPoint; set => _socket.RemoteEndPoint = value; }
    public override CancellationToken ConnectionClosed { get => _socket.ConnectionClosed; set => _socket.ConnectionClosed = value; }

    public ReadOnlyMemory<byte> ApplicationProtocol => _tls!.NegotiatedApplicationProtocol.Protocol;
    public SslProtocols Protocol => _tls!.SslProtocol;
    public TlsCipherSuite? NegotiatedCipherSuite => _tls!.NegotiatedCipherSuite;
    public string HostName => _tls!.TargetHostName;
    public X509Certificate2? ClientCertificate { get; set; }

#pragma warning disable SYSLIB0058 // Asked for by the interface; the cipher suite says it all.
    public CipherAlgorithmType CipherAlgorithm => _tls!.CipherAlgorithm;
    public int CipherStrength => _tls!.CipherStrength;
    public HashAlgorithmType HashAlgorithm => _tls!.HashAlgorithm;
    public int HashStrength => _tls!.HashStrength;
    public ExchangeAlgorithmType KeyExchangeAlgorithm => _tls!.KeyExchangeAlgorithm;
    public int KeyExchangeStrength => _tls!.KeyExchangeStrength;
#pragma warning restore SYSLIB0058

    public Task<X509Certificate2?> GetClientCertificateAsync(CancellationToken cancellationToken) => Task.FromResult<X509Certificate2?>(null);

    public override void Abort(ConnectionAbortedException abortReason) => _socket.Abort(abortReason);

    public override async ValueTask DisposeAsync()
    {
        await Input.CompleteAsync();
        await Output.CompleteAsync();
        if (_tls is not null)
        {
            await _tls.DisposeAsync();
            await _socket.Transport.Output.CompleteAsync();
        }
        await _socket.Transport.Input.CompleteAsync();
        await _socket.DisposeAsync();
        await base.DisposeAsync();
    }
}
