using System.Net;

namespace Fairlead.Dns.Forward;

/// <summary>A server to forward to: 10.0.0.1, 10.0.0.1:5353, [fd00::1]:53, dns://10.0.0.1, tls://1.1.1.1 (RFC 7858), tls://1.1.1.1%one.one.one.one.</summary>
/// <param name="TlsServerName">Whose certificate a server over TLS must show; null: one for its address.</param>
public sealed record UpstreamServer(IPEndPoint Address, bool IsTls = false, string? TlsServerName = null)
{
    private const int PlainPort = 53, TlsPort = 853;
    private const string PlainScheme = "dns://", TlsScheme = "tls://";

    /// <summary>Null where the text names no server.</summary>
    public static UpstreamServer? Parse(string text)
    {
        bool isTls = text.StartsWith(TlsScheme, StringComparison.Ordinal);
        string rest = isTls || text.StartsWith(PlainScheme, StringComparison.Ordinal) ? text[TlsScheme.Length..] : text;
        string? name = null;
        if (isTls && rest.Split('%') is [var before, { Length: > 0 } after])
        {
            (rest, name) = (before, after);
        }
        if (!IPEndPoint.TryParse(rest, out IPEndPoint? address))
        {
            return null;
        }
        int port = address.Port > 0 ? address.Port : isTls ? TlsPort : PlainPort;
        return new UpstreamServer(new IPEndPoint(address.Address, port), isTls, name);
    }

    public override string ToString() => (IsTls ? TlsScheme : "") + Address;
}
