using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Fairlead.ApiServer.Security;
using Fairlead.Kube.Client;

namespace Fairlead.Unit.ApiServer.HTTP.Limits;

/// <summary>A connection in HTTP/1.1 whose pace is the test's: a client that sends or reads too slowly.</summary>
internal sealed class RawClient : IAsyncDisposable
{
    private readonly TcpClient _tcp;
    private readonly SslStream _tls;

    private RawClient(TcpClient tcp, SslStream tls) => (_tcp, _tls) = (tcp, tls);

    public static async Task<RawClient> ConnectAsync(TestApiServer server, string user, params string[] groups)
    {
        var tcp = new TcpClient { ReceiveBufferSize = 4096 };
        await tcp.ConnectAsync(server.Address);
        var tls = new SslStream(tcp.GetStream());
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = server.Address.Address.ToString(),
            ClientCertificates = [server.Authority.Issue(user, groups, []).ToX509()],
            CertificateChainPolicy = MachineTrust.ChainPolicy([X509Certificate2.CreateFromPem(server.Authority.CertificatePem)]),
        });
        return new RawClient(tcp, tls);
    }

    public Task SendAsync(string text, CancellationToken cancel) => _tls.WriteAsync(Encoding.UTF8.GetBytes(text), cancel).AsTask();

    /// <summary>What comes until the server says no more, or until an answer's head and so much of its body is there.</summary>
    public async Task<string> ReadAsync(int most, CancellationToken cancel)
    {
        var buffer = new byte[4096];
        var text = new StringBuilder();
        while (text.Length < most && await _tls.ReadAsync(buffer, cancel) is var count and > 0) text.Append(Encoding.UTF8.GetString(buffer, 0, count));
        return text.ToString();
    }

    public async ValueTask DisposeAsync()
    {
        await _tls.DisposeAsync();
        _tcp.Dispose();
    }

    public static string[] Masters => [User.Masters];
}
