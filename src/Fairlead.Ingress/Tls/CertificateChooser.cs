using System.Net.Security;
using System.Security.Authentication;
using Fairlead.Ingress.Routes;

namespace Fairlead.Ingress.Tls;

/// <summary>Chooses a handshake's certificate by its server name, from the snapshot of that moment: a new Secret serves the next connection.</summary>
internal sealed class CertificateChooser(SnapshotHolder holder, TimeProvider time)
{
    private readonly Lazy<ServingCertificate> _selfSigned = new(() => ServingCertificate.SelfSigned(time));

    /// <param name="judged">Called in the handshake, where the host asks for the client's certificate.</param>
    internal SslServerAuthenticationOptions Choose(string serverName, Action<ClientVerdict> judged)
    {
        var snapshot = holder.Current;
        var options = Options(snapshot, serverName);
        snapshot.Routes.ClientAuthOf(serverName)?.Ask(options, judged);
        return options;
    }

    private SslServerAuthenticationOptions Options(IngressSnapshot snapshot, string serverName) => new()
    {
        ServerCertificateContext = (snapshot.Certificates.Find(serverName) ?? _selfSigned.Value).Context,
        EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
        AllowRenegotiation = false,
    };
}
