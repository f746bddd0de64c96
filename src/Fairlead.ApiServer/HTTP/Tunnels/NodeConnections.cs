using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Fairlead.ApiServer.Resources;
using Fairlead.Kube.Client;

namespace Fairlead.ApiServer.HTTP.Tunnels;

/// <summary>Connections to the kubelet API of nodes: by the agent's tunnel where there is one, else straight to the node's address.</summary>
/// <param name="identity">What this server is to nodes.</param>
/// <param name="authorities">Who may have signed the nodes' certificates.</param>
internal sealed class NodeConnections(X509Certificate2 identity, X509Certificate2Collection authorities, AgentTunnels tunnels)
{
    private const string NodeSubject = "system:node:";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly HttpRequestOptionsKey<NodeEndPoint> Key = new("node");

    /// <summary>For requests that were marked with their node.</summary>
    public SocketsHttpHandler CreateHandler() => new()
    {
        UseProxy = false,
        ConnectTimeout = Patience,
        SslOptions = Options(),
        ConnectCallback = (context, cancel) => context.InitialRequestMessage.Options.TryGetValue(Key, out var node)
            ? new ValueTask<Stream>(DialAsync(node, cancel))
            : throw new InvalidOperationException("a request to a node says which"),
    };

    public static HttpRequestMessage Mark(HttpRequestMessage request, NodeEndPoint node)
    {
        request.Options.Set(Key, node);
        return request;
    }

    /// <exception cref="ApiError">500: the node is out of reach, or somebody else answers for it.</exception>
    public async Task<SslStream> ConnectAsync(NodeEndPoint node, CancellationToken cancel)
    {
        SslStream? stream = null;
        try
        {
            stream = new SslStream(await DialAsync(node, cancel));
            var options = Options();
            options.TargetHost = node.Name;
            await stream.AuthenticateAsClientAsync(options, cancel);
            return stream;
        }
        catch (Exception e) when (e is SocketException or AuthenticationException or IOException)
        {
            if (stream is not null) await stream.DisposeAsync();
            throw OutOfReach(node, e);
        }
    }

    public static ApiError OutOfReach(NodeEndPoint node, Exception e) =>
        ApiError.Internal($"error dialing backend: the node {node} is out of reach: {(e is HttpRequestException ? e.InnerException?.Message ?? e.Message : e.Message)}");

    private async Task<Stream> DialAsync(NodeEndPoint node, CancellationToken cancel)
    {
        if (await tunnels.OpenAsync(node.Name, cancel) is { } tunnel) return tunnel;
        var socket = new Socket(node.Address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(Patience);
        try
        {
            await socket.ConnectAsync(node.Address, patience.Token);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            // A firewall that drops says nothing; the kernel would go on trying for two minutes.
            socket.Dispose();
            throw new IOException($"no answer within {Patience.TotalSeconds:F0} s, and its agent holds no tunnel");
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private SslClientAuthenticationOptions Options() => new()
    {
        ClientCertificates = [identity],
        ApplicationProtocols = [SslApplicationProtocol.Http11],
        CertificateChainPolicy = MachineTrust.ChainPolicy(authorities),
        RemoteCertificateValidationCallback = (sender, certificate, _, errors) => IsNode(((SslStream)sender).TargetHostName, certificate, errors),
    };

    /// <summary>A node is known by its signer and its name, in the certificate's names or its subject; addresses may change.</summary>
    private static bool IsNode(string name, X509Certificate? certificate, SslPolicyErrors errors)
    {
        if (errors == SslPolicyErrors.None) return true;
        return errors == SslPolicyErrors.RemoteCertificateNameMismatch && certificate is X509Certificate2 given && given.GetNameInfo(X509NameType.SimpleName, false) == NodeSubject + name;
    }
}
