using System.Net;
using System.Security.Cryptography;
using System.Text;
using Fairlead.Ingress.Proxy.Lean.Wire;
using Fairlead.Ingress.Routes;

namespace Fairlead.Ingress.Proxy.Lean;

/// <summary>An authority, and the host in it.</summary>
internal readonly record struct NamedAuthority(string Authority, string Host);

/// <summary>A request that the lean path has read; its head stays in its connection's buffer. Used again and again. For the loop's thread.</summary>
internal sealed class LeanRequest : IRequest
{
    private const int LongestId = 128;
    private const int IdLength = 32;
    private readonly byte[] _made = new byte[IdLength];
    private byte[] _buffer = [];
    private int _start;
    private bool _hasMadeId;
    private string? _id;

    internal RequestHead Head { get; } = new();

    public string Method { get; private set; } = "";
    public string Host { get; private set; } = "";
    public string Authority { get; private set; } = "";
    public RequestTarget Target { get; private set; }
    public bool IsHttps { get; private set; }
    public IPAddress Client { get; private set; } = IPAddress.None;
    public string Id => _id ??= Encoding.Latin1.GetString(IdBytes);
    public long? ContentLength => Head.BodyLength >= 0 ? Head.BodyLength : null;

    internal ReadOnlySpan<byte> Bytes => _buffer.AsSpan(_start, Head.Length);

    /// <summary>What may be said twice (RFC 9110, section 9.2.2), and was not followed by a body.</summary>
    internal bool MayRepeat => !Head.HasBody && Method is "GET" or "HEAD" or "OPTIONS" or "TRACE" or "PUT" or "DELETE";

    /// <summary>The client's, else one made here.</summary>
    internal ReadOnlySpan<byte> IdBytes
    {
        get
        {
            if (Head.Fields.Has(FieldKind.XRequestId))
            {
                var asked = Head.Fields.First(FieldKind.XRequestId);
                var given = Bytes.Slice(asked.Value, asked.ValueLength);
                if (given.Length is > 0 and <= LongestId && !given.ContainsAnyExceptInRange((byte)'!', (byte)'~')) return given;
            }
            if (!_hasMadeId) MakeId();
            return _made;
        }
    }

    /// <summary>The head is whole, and from now on here in the buffer.</summary>
    internal void Place(byte[] buffer, int start) => (_buffer, _start) = (buffer, start);

    /// <summary>False for a target that is refused with 400.</summary>
    internal bool TryName(TextCache<NamedAuthority> authorities, TextCache<RequestTarget?> targets, IPAddress client, bool isHttps)
    {
        (Client, IsHttps, _id, _hasMadeId) = (client, isHttps, null, false);
        Method = MethodOf(Bytes.Slice(Head.MethodStart, Head.MethodLength));
        var host = Head.Fields.First(FieldKind.Host);
        (Authority, Host) = authorities.Get(Bytes.Slice(host.Value, host.ValueLength));
        if (targets.Get(Bytes.Slice(Head.TargetStart, Head.TargetLength)) is not { } target) return false;
        Target = target;
        return true;
    }

    public string? Header(string name)
    {
        string? found = null;
        var head = Bytes;
        foreach (ref readonly var field in Head.Fields.All)
        {
            if (field.NameLength != name.Length || !Ascii.EqualsIgnoreCase(head.Slice(field.Name, field.NameLength), name)) continue;
            var value = Encoding.Latin1.GetString(head.Slice(field.Value, field.ValueLength));
            found = found is null ? value : found + (name.Equals("Cookie", StringComparison.OrdinalIgnoreCase) ? "; " : ", ") + value;
        }
        return found;
    }

    private void MakeId()
    {
        Span<byte> random = stackalloc byte[IdLength / 2];
        // To tell requests apart, not to keep secrets.
#pragma warning disable CA5394
        Random.Shared.NextBytes(random);
#pragma warning restore CA5394
        Convert.TryToHexStringLower(random, _made, out _);
        _hasMadeId = true;
    }

    private static string MethodOf(ReadOnlySpan<byte> method)
    {
        if (method.SequenceEqual("GET"u8)) return "GET";
        if (method.SequenceEqual("POST"u8)) return "POST";
        if (method.SequenceEqual("HEAD"u8)) return "HEAD";
        if (method.SequenceEqual("PUT"u8)) return "PUT";
        if (method.SequenceEqual("DELETE"u8)) return "DELETE";
        if (method.SequenceEqual("OPTIONS"u8)) return "OPTIONS";
        return Encoding.Latin1.GetString(method);
    }
}
