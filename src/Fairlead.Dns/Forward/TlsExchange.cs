using System.Collections.Concurrent;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Fairlead.Kube.Client;

namespace Fairlead.Dns.Forward;

/// <summary>
/// DNS over TLS (RFC 7858), with the strict profile: a server that does not show the right certificate is not asked (RFC 8310 5).
/// Connections are kept for the next questions, because opening one costs several round trips.
/// </summary>
/// <param name="authorities">Whom to trust; null: the machine's own.</param>
internal sealed class TlsExchange(UpstreamServer server, TimeSpan idle, TimeProvider time, X509Certificate2Collection? authorities = null) : IExchange
{
    private readonly ConcurrentStack<Connection> _idle = new();
    private volatile bool _disposed;

    public async Task<byte[]> AskAsync(byte[] query, CancellationToken cancel)
    {
        while (TakeIdle() is { } kept)
        {
            try
            {
                return await AskAsync(kept, query, cancel);
            }
            catch (IOException)
            {
                // The server closed it meanwhile; that says nothing about the server.
            }
        }
        return await AskAsync(await ConnectAsync(cancel), query, cancel);
    }

    public void Dispose()
    {
        _disposed = true;
        while (_idle.TryPop(out Connection? connection))
        {
            connection.Stream.Dispose();
        }
    }

    private Connection? TakeIdle()
    {
        while (_idle.TryPop(out Connection? connection))
        {
            if (time.GetElapsedTime(connection.UsedAt) < idle)
            {
                return connection;
            }
            connection.Stream.Dispose();
        }
        return null;
    }

    private async Task<byte[]> AskAsync(Connection connection, byte[] query, CancellationToken cancel)
    {
        bool done = false;
        try
        {
            byte[] response = await FramedStream.ExchangeAsync(connection.Stream, query, cancel);
            done = !_disposed;
            return response;
        }
        finally
        {
            // One that failed or was given up may still bring the answer to an earlier question.
            if (done)
            {
                _idle.Push(connection with { UsedAt = time.GetTimestamp() });
            }
            else
            {
                await connection.Stream.DisposeAsync();
            }
        }
    }

    private async Task<Connection> ConnectAsync(CancellationToken cancel)
    {
        var socket = new Socket(server.Address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        var stream = default(SslStream);
        try
        {
            await socket.ConnectAsync(server.Address, cancel);
            stream = new SslStream(new NetworkStream(socket, ownsSocket: true));
            await stream.AuthenticateAsClientAsync(Settings(), cancel);
            return new Connection(stream, time.GetTimestamp());
        }
        catch
        {
            if (stream is not null)
            {
                await stream.DisposeAsync();
            }
            socket.Dispose();
            throw;
        }
    }

    private SslClientAuthenticationOptions Settings() => new()
    {
        TargetHost = server.TlsServerName ?? server.Address.Address.ToString(),
        CertificateChainPolicy = authorities is null ? MachineTrust.ChainPolicy() : MachineTrust.ChainPolicy(authorities),
    };

    private sealed record Connection(SslStream Stream, long UsedAt);
}
