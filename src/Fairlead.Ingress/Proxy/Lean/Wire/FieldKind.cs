using System.Text;

namespace Fairlead.Ingress.Proxy.Lean.Wire;

/// <summary>The header fields that mean something to a proxy; all others pass.</summary>
internal enum FieldKind : byte
{
    Other,
    Host,
    ContentLength,
    TransferEncoding,
    Connection,
    KeepAlive,
    ProxyConnection,
    Te,
    Trailer,
    Upgrade,
    Expect,
    Http2Settings,
    Forwarded,
    Proxy,
    XForwardedFor,
    XForwardedHost,
    XForwardedPort,
    XForwardedProto,
    XForwardedScheme,
    XForwardedPrefix,
    XOriginalForwardedFor,
    XRealIp,
    XScheme,
    XRequestId,

    /// <summary>Named by a Connection field: for this hop only (RFC 9110, section 7.6.1).</summary>
    Dropped,
}

internal static class FieldKinds
{
    /// <summary>Fields of one hop, or written anew: never passed as they came.</summary>
    internal const ulong HopByHop =
        1UL << (int)FieldKind.Connection | 1UL << (int)FieldKind.KeepAlive | 1UL << (int)FieldKind.ProxyConnection | 1UL << (int)FieldKind.Te | 1UL << (int)FieldKind.Trailer
        | 1UL << (int)FieldKind.Upgrade | 1UL << (int)FieldKind.TransferEncoding | 1UL << (int)FieldKind.Http2Settings | 1UL << (int)FieldKind.Dropped;

    /// <summary>Fields from which those for the pod are made.</summary>
    internal const ulong OfForwarding =
        1UL << (int)FieldKind.Forwarded | 1UL << (int)FieldKind.XForwardedFor | 1UL << (int)FieldKind.XForwardedHost | 1UL << (int)FieldKind.XForwardedPort | 1UL << (int)FieldKind.XForwardedProto;

    private static readonly (string Name, FieldKind Kind)[][] ByLength = Table();

    internal static ulong Bit(FieldKind kind) => 1UL << (int)kind;

    internal static FieldKind Of(ReadOnlySpan<byte> name)
    {
        if (name.Length >= ByLength.Length) return FieldKind.Other;
        foreach (var (known, kind) in ByLength[name.Length])
        {
            if ((name[0] | 0x20) == (known[0] | 0x20) && Ascii.EqualsIgnoreCase(name, known)) return kind;
        }
        return FieldKind.Other;
    }

    private static (string, FieldKind)[][] Table()
    {
        (string Name, FieldKind Kind)[] all =
        [
            ("Host", FieldKind.Host), ("Content-Length", FieldKind.ContentLength), ("Transfer-Encoding", FieldKind.TransferEncoding), ("Connection", FieldKind.Connection),
            ("Keep-Alive", FieldKind.KeepAlive), ("Proxy-Connection", FieldKind.ProxyConnection), ("TE", FieldKind.Te), ("Trailer", FieldKind.Trailer), ("Upgrade", FieldKind.Upgrade),
            ("Expect", FieldKind.Expect), ("HTTP2-Settings", FieldKind.Http2Settings), ("Forwarded", FieldKind.Forwarded), ("Proxy", FieldKind.Proxy), ("X-Forwarded-For", FieldKind.XForwardedFor),
            ("X-Forwarded-Host", FieldKind.XForwardedHost), ("X-Forwarded-Port", FieldKind.XForwardedPort), ("X-Forwarded-Proto", FieldKind.XForwardedProto),
            ("X-Forwarded-Scheme", FieldKind.XForwardedScheme), ("X-Forwarded-Prefix", FieldKind.XForwardedPrefix), ("X-Original-Forwarded-For", FieldKind.XOriginalForwardedFor),
            ("X-Real-IP", FieldKind.XRealIp), ("X-Scheme", FieldKind.XScheme), ("X-Request-ID", FieldKind.XRequestId),
        ];
        return [.. Enumerable.Range(0, all.Max(entry => entry.Name.Length) + 1).Select(length => all.Where(entry => entry.Name.Length == length).ToArray())];
    }
}
