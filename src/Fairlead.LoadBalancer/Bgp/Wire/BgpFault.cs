using System.Globalization;
using System.Text;
using Fairlead.Kube;

namespace Fairlead.LoadBalancer.Bgp.Wire;

/// <summary>Why a session ends, as a NOTIFICATION says it (RFC 4271 section 4.5; codes in IANA's registry "BGP Error (Notification) Codes").</summary>
internal sealed record BgpFault(byte Code, byte Subcode, EquatableArray<byte> Data)
{
    private const byte CeaseCode = 6;
    private static readonly Dictionary<byte, string> Codes = new()
    {
        [1] = "message header error",
        [2] = "OPEN message error",
        [3] = "UPDATE message error",
        [4] = "hold timer expired",
        [5] = "unexpected message",
        [CeaseCode] = "cease",
        [7] = "ROUTE-REFRESH message error",
        [8] = "send hold timer expired",
    };

    private static readonly Dictionary<(byte, byte), string> Subcodes = new()
    {
        [(1, 1)] = "connection not synchronized",
        [(1, 2)] = "bad message length",
        [(1, 3)] = "bad message type",
        [(2, 1)] = "unsupported version number",
        [(2, 2)] = "bad peer AS",
        [(2, 3)] = "bad BGP identifier",
        [(2, 4)] = "unsupported optional parameter",
        [(2, 6)] = "unacceptable hold time",
        [(2, 7)] = "unsupported capability",
        [(2, 11)] = "role mismatch",
        [(3, 1)] = "malformed attribute list",
        [(3, 3)] = "missing well-known attribute",
        [(3, 5)] = "attribute length error",
        [(3, 8)] = "invalid next hop",
        [(3, 9)] = "optional attribute error",
        [(3, 10)] = "invalid network field",
        [(3, 11)] = "malformed AS path",
        [(5, 1)] = "in OpenSent",
        [(5, 2)] = "in OpenConfirm",
        [(5, 3)] = "in Established",
        [(CeaseCode, 1)] = "maximum number of prefixes reached",
        [(CeaseCode, 2)] = "administrative shutdown",
        [(CeaseCode, 3)] = "peer de-configured",
        [(CeaseCode, 4)] = "administrative reset",
        [(CeaseCode, 5)] = "connection rejected",
        [(CeaseCode, 6)] = "other configuration change",
        [(CeaseCode, 7)] = "connection collision resolution",
        [(CeaseCode, 8)] = "out of resources",
        [(CeaseCode, 9)] = "hard reset",
        [(CeaseCode, 10)] = "BFD down",
    };

    public static readonly BgpFault NotSynchronized = Of(1, 1);
    public static readonly BgpFault MalformedOpen = Of(2, 0);
    public static readonly BgpFault BadPeerAs = Of(2, 2);
    public static readonly BgpFault BadIdentifier = Of(2, 3);
    public static readonly BgpFault UnsupportedParameter = Of(2, 4);
    public static readonly BgpFault UnacceptableHoldTime = Of(2, 6);
    public static readonly BgpFault MalformedAttributes = Of(3, 1);
    public static readonly BgpFault HoldTimerExpired = Of(4, 0);
    public static readonly BgpFault UnexpectedInOpenSent = Of(5, 1);
    public static readonly BgpFault UnexpectedInOpenConfirm = Of(5, 2);
    public static readonly BgpFault UnexpectedInEstablished = Of(5, 3);
    public static readonly BgpFault AdministrativeShutdown = Of(CeaseCode, 2);

    public static BgpFault Of(byte code, byte subcode, params byte[] data) => new(code, subcode, new EquatableArray<byte>(data));

    /// <summary>In words, with what the peer's operator wrote, where there is something (RFC 9003).</summary>
    public override string ToString()
    {
        var text = new StringBuilder(Codes.GetValueOrDefault(Code) ?? string.Create(CultureInfo.InvariantCulture, $"error {Code}"));
        if (Subcode != 0) text.Append(": ").Append(Subcodes.GetValueOrDefault((Code, Subcode)) ?? string.Create(CultureInfo.InvariantCulture, $"subcode {Subcode}"));
        if (Code == CeaseCode && Subcode is 2 or 4 && Data.Count > 1 && Data[0] == Data.Count - 1) text.Append(" (").Append(Readable(Encoding.UTF8.GetString([.. Data.Skip(1)]))).Append(')');
        return text.ToString();
    }

    /// <summary>A log line stays one, whatever a peer sends.</summary>
    private static string Readable(string text) => string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));
}
