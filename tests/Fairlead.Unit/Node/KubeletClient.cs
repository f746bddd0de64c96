using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Fairlead.Kube.Client;
using Fairlead.Kube.Json;
using Fairlead.Node.Api;
using Fairlead.Node.Streaming;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.Unit.Node;

/// <summary>A kubelet API over a harness, and a client of it that speaks as client-go does.</summary>
internal sealed class KubeletClient : IAsyncDisposable
{
    private readonly KubeletServer _server;
    private readonly X509Certificate2 _client;

    private KubeletClient(KubeletServer server, X509Certificate2 client)
    {
        _server = server;
        _client = client;
        Http = new HttpClient(Handler(client)) { BaseAddress = new Uri($"https://localhost:{server.Port}") };
    }

    public HttpClient Http { get; }

    /// <summary>Of the same authority, but not the API server's.</summary>
    public required X509Certificate2 NodesOwn { get; init; }

    public int Port => _server.Port;

    public static async Task<KubeletClient> StartAsync(NodeHarness node)
    {
        using var authority = Authority();
        var options = node.Options with
        {
            KubeletPort = 0,
            ServingCertificate = new RenewableCertificate(Issue(authority, "node", "1.3.6.1.5.5.7.3.1")),
            ClientAuthorities = [X509CertificateLoader.LoadCertificate(authority.Export(X509ContentType.Cert))],
        };
        var server = new KubeletServer(options, node.Loop, node.Runtime, new FakeReviews(), NullLoggerFactory.Instance);
        await server.StartAsync(CancellationToken.None);
        return new KubeletClient(server, Issue(authority, "apiserver, O=system:masters", "1.3.6.1.5.5.7.3.2")) { NodesOwn = Issue(authority, "system:node:a, O=system:nodes", "1.3.6.1.5.5.7.3.2") };
    }

    /// <summary>Knows one token, whose owner may read metrics and nothing else.</summary>
    private sealed class FakeReviews : IAccessReviews
    {
        public Task<Caller?> WhoAsync(string token, CancellationToken cancel) => Task.FromResult(token == "scraper's" ? new Caller("scraper", []) : null);

        public Task<bool> MayAsync(Caller caller, string verb, string node, string subresource, CancellationToken cancel) =>
            Task.FromResult((caller.Name, verb, node, subresource) == ("scraper", "get", "node", "metrics"));
    }

    public static HttpClientHandler Handler(X509Certificate2? client)
    {
        var handler = new HttpClientHandler { ServerCertificateCustomValidationCallback = (_, certificate, _, _) => certificate?.Subject == "CN=node" };
        if (client is not null) handler.ClientCertificates.Add(client);
        return handler;
    }

    public async Task<ClientWebSocket> OpenAsync(string path, string protocol)
    {
        var socket = new ClientWebSocket();
        if (protocol.Length > 0) socket.Options.AddSubProtocol(protocol);
        socket.Options.ClientCertificates.Add(_client);
        // The certificate is the test's own.
        socket.Options.RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate?.Subject == "CN=node";
        await socket.ConnectAsync(new Uri($"wss://localhost:{Port}{path}"), CancellationToken.None);
        return socket;
    }

    /// <summary>Runs to the end and answers what each stream said and how it ended.</summary>
    public async Task<(string Output, string Errors, V1Status? Result)> ExecAsync(string path, string protocol = "v5.channel.k8s.io", string? input = null)
    {
        using var socket = await OpenAsync(path, protocol);
        if (input is not null)
        {
            await SendAsync(socket, 0, Encoding.UTF8.GetBytes(input));
            await SendAsync(socket, 255, [0]);
        }
        return await ReadAsync(socket);
    }

    public static Task SendAsync(ClientWebSocket socket, byte channel, byte[] bytes) =>
        socket.SendAsync((byte[])[channel, .. bytes], WebSocketMessageType.Binary, true, CancellationToken.None);

    public static async Task<(string Output, string Errors, V1Status? Result)> ReadAsync(ClientWebSocket socket)
    {
        var streams = new StringBuilder[4];
        for (var i = 0; i < 4; i++) streams[i] = new StringBuilder();
        while (await ReceiveAsync(socket) is var (channel, text)) streams[channel].Append(text);
        var result = streams[3].Length == 0 || streams[3][0] != '{' ? null : KubeJson.Deserialize<V1Status>(Encoding.UTF8.GetBytes(streams[3].ToString()));
        return (streams[1].ToString(), streams[2].ToString(), result);
    }

    public static async Task<(byte Channel, string Text)?> ReceiveAsync(ClientWebSocket socket)
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var buffer = new byte[1 << 17];
        var length = 0;
        while (true)
        {
            var part = await socket.ReceiveAsync(buffer.AsMemory(length), late.Token);
            if (part.MessageType == WebSocketMessageType.Close) return null;
            length += part.Count;
            if (part.EndOfMessage) break;
        }
        if (socket.SubProtocol?.Contains("base64") == true) return ((byte)(buffer[0] - '0'), Encoding.UTF8.GetString(Convert.FromBase64String(Encoding.ASCII.GetString(buffer, 1, length - 1))));
        return (buffer[0], Encoding.UTF8.GetString(buffer, 1, length - 1));
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _server.DisposeAsync();
        _client.Dispose();
    }

    public static X509Certificate2 Authority()
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=test-ca", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(new DateTime(2020, 1, 1), new DateTime(2049, 1, 1));
    }

    public static X509Certificate2 Issue(X509Certificate2 authority, string name, string usage)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], false));
        using var issued = request.Create(authority, new DateTime(2020, 1, 2), new DateTime(2048, 1, 1), RandomNumberGenerator.GetBytes(8));
        return issued.CopyWithPrivateKey(key);
    }
}
