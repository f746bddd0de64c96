using System.Buffers;

namespace Fairlead.Ingress.Proxy.Lean.Wire;

internal enum HeadState
{
    /// <summary>Its end has not come yet.</summary>
    Unfinished,
    Whole,

    /// <summary>Against RFC 9112, or beyond a limit: <see cref="RequestHead.Status"/> says which.</summary>
    Refused,

    /// <summary>Sound as far as it was read, and for Kestrel: another version, an upgrade, a form of target that is rare.</summary>
    Declined,
}

/// <summary>
/// Reads the head of an HTTP/1.1 request, line by line as it comes, and stricter than RFC 9112 asks: what two servers may read differently is
/// refused. How the bytes were cut into pieces makes no difference. Used again and again.
/// </summary>
internal sealed class RequestHead
{
    internal const int LongestLine = 8 * 1024;
    internal const int Longest = 32 * 1024;
    private static readonly SearchValues<byte> TokenBytes = SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);
    private static readonly SearchValues<byte> HostBytes = SearchValues.Create("!$%&'()*+,-.0123456789:;=ABCDEFGHIJKLMNOPQRSTUVWXYZ[]_abcdefghijklmnopqrstuvwxyz~"u8);
    private int _line;
    private int _scanned;
    private bool _hasRequestLine;

    internal HeadFields Fields { get; } = new();

    internal HeadState State { get; private set; }

    /// <summary>Why it is refused.</summary>
    internal int Status { get; private set; }

    /// <summary>Bytes, its last empty line included.</summary>
    internal int Length { get; private set; }

    internal int MethodStart { get; private set; }
    internal int MethodLength { get; private set; }
    internal int TargetStart { get; private set; }
    internal int TargetLength { get; private set; }

    /// <summary>Of the body; below zero where none is declared.</summary>
    internal long BodyLength { get; private set; }
    internal bool IsChunked { get; private set; }

    /// <summary>The client wants the connection closed after the answer.</summary>
    internal bool WantsClose { get; private set; }
    internal bool ExpectsContinue { get; private set; }
    internal bool HasBody => IsChunked || BodyLength > 0;

    internal void Clear()
    {
        Fields.Clear();
        (_line, _scanned, Length, Status) = (0, 0, 0, 0);
        _hasRequestLine = false;
        State = HeadState.Unfinished;
    }

    /// <summary>Reads on.</summary>
    /// <param name="bytes">From the head's first byte; those of earlier calls, and more.</param>
    internal HeadState Read(ReadOnlySpan<byte> bytes)
    {
        while (State == HeadState.Unfinished)
        {
            var found = bytes[_scanned..].IndexOf((byte)'\n');
            var end = found < 0 ? bytes.Length : _scanned + found;
            _scanned = end;
            if (end - _line > (_hasRequestLine ? Longest : LongestLine)) return Refuse(_hasRequestLine ? 431 : 414);
            if (end > Longest) return Refuse(431);
            if (found < 0) break;
            if (end == _line || bytes[end - 1] != '\r') return Refuse(400);
            var line = bytes[_line..(end - 1)];
            var start = _line;
            _line = _scanned = end + 1;
            ReadLine(bytes, line, start);
        }
        return State;
    }

    private void ReadLine(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> line, int start)
    {
        if (!_hasRequestLine)
        {
            // RFC 9112, section 2.2: an empty line before the request line is passed over.
            if (!line.IsEmpty) ReadRequestLine(line, start);
        }
        else if (line.IsEmpty) Finish(bytes);
        else if (Fields.Add(line, start) is not 0 and var status) Refuse(status);
    }

    private void ReadRequestLine(ReadOnlySpan<byte> line, int start)
    {
        var space = line.IndexOfAnyExcept(TokenBytes);
        var last = line.LastIndexOf((byte)' ');
        if (space <= 0 || line[space] != ' ' || last <= space + 1)
        {
            Refuse(400);
            return;
        }
        var target = line[(space + 1)..last];
        var version = line[(last + 1)..];
        if (target.ContainsAnyExceptInRange((byte)0x21, (byte)0x7e)) Refuse(400);
        else if (version.Length != 8 || !version.StartsWith("HTTP/"u8) || version[6] != '.' || !char.IsAsciiDigit((char)version[5]) || !char.IsAsciiDigit((char)version[7])) Refuse(400);
        else if (version.SequenceEqual("HTTP/1.0"u8) || line.SequenceEqual("PRI * HTTP/2.0"u8)) State = HeadState.Declined;
        else if (!version.SequenceEqual("HTTP/1.1"u8)) Refuse(505);
        else if (target[0] != '/' || line[..space].SequenceEqual("CONNECT"u8)) State = HeadState.Declined;
        (MethodStart, MethodLength, TargetStart, TargetLength) = (start, space, start + space + 1, target.Length);
        _hasRequestLine = true;
    }

    private void Finish(ReadOnlySpan<byte> bytes)
    {
        Length = _line;
        State = HeadState.Whole;
        IsChunked = ExpectsContinue = WantsClose = false;
        BodyLength = -1;
        if (!Fields.IsSingle(FieldKind.Host) || !IsHost(bytes)) Refuse(400);
        else if (Fields.Has(FieldKind.TransferEncoding))
        {
            // Section 6.1: both lengths, and codings that this server does not know, may be smuggling.
            if (Fields.Has(FieldKind.ContentLength) || !Fields.IsChunked(bytes)) Refuse(400);
            IsChunked = true;
        }
        else if (Fields.Has(FieldKind.ContentLength) && (BodyLength = Fields.Length(bytes)) < 0) Refuse(400);
        if (State != HeadState.Whole) return;
        var (close, keep) = (false, false);
        if (Fields.Has(FieldKind.Connection)) Fields.ReadConnection(bytes, ref close, ref keep);
        WantsClose = close;
        if (Fields.Has(FieldKind.Upgrade) || Fields.Has(FieldKind.Http2Settings)) State = HeadState.Declined;
        if (!Fields.Has(FieldKind.Expect)) return;
        var expect = Fields.First(FieldKind.Expect);
        ExpectsContinue = System.Text.Ascii.EqualsIgnoreCase(bytes.Slice(expect.Value, expect.ValueLength), "100-continue"u8);
        if (!ExpectsContinue) State = HeadState.Declined;
    }

    private bool IsHost(ReadOnlySpan<byte> bytes)
    {
        var host = Fields.First(FieldKind.Host);
        return !bytes.Slice(host.Value, host.ValueLength).ContainsAnyExcept(HostBytes);
    }

    private HeadState Refuse(int status)
    {
        Status = status;
        return State = HeadState.Refused;
    }
}
