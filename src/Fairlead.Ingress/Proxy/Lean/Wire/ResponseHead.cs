namespace Fairlead.Ingress.Proxy.Lean.Wire;

/// <summary>Reads the head of a pod's answer. Lines may end in a bare LF, as pods are not strangers; clients get lines that end as they should.</summary>
internal sealed class ResponseHead
{
    internal const int Longest = 32 * 1024;
    private int _line;
    private int _scanned;
    private bool _hasStatusLine;
    private bool _isOld;

    internal HeadFields Fields { get; } = new();

    internal HeadState State { get; private set; }

    internal int Length { get; private set; }

    internal int Status { get; private set; }

    /// <summary>Of the status and what follows it.</summary>
    internal int StatusStart { get; private set; }
    internal int StatusLength { get; private set; }

    /// <summary>Below zero where none is declared.</summary>
    internal long BodyLength { get; private set; }
    internal bool IsChunked { get; private set; }

    /// <summary>The pod's connection can be used again.</summary>
    internal bool KeepsAlive { get; private set; }

    internal void Clear()
    {
        Fields.Clear();
        (_line, _scanned, Length, Status) = (0, 0, 0, 0);
        _hasStatusLine = false;
        State = HeadState.Unfinished;
    }

    internal HeadState Read(ReadOnlySpan<byte> bytes)
    {
        while (State == HeadState.Unfinished)
        {
            var found = bytes[_scanned..].IndexOf((byte)'\n');
            if (found < 0)
            {
                _scanned = bytes.Length;
                return bytes.Length > Longest ? State = HeadState.Refused : State;
            }
            var end = _scanned + found;
            var line = bytes[_line..(end > _line && bytes[end - 1] == '\r' ? end - 1 : end)];
            var start = _line;
            _line = _scanned = end + 1;
            if (!_hasStatusLine) ReadStatusLine(line, start);
            else if (line.IsEmpty) Finish(bytes);
            else if (Fields.Add(line, start) != 0) State = HeadState.Refused;
        }
        return State;
    }

    private void ReadStatusLine(ReadOnlySpan<byte> line, int start)
    {
        _hasStatusLine = true;
        if (line.Length < 12 || !line.StartsWith("HTTP/1."u8) || line[8] != ' ' || line[9..12].ContainsAnyExceptInRange((byte)'0', (byte)'9') || (line.Length > 12 && line[12] != ' ')
            || line.ContainsAny((byte)'\r', (byte)0))
        {
            State = HeadState.Refused;
            return;
        }
        _isOld = line[7] == '0';
        Status = ((line[9] - '0') * 100) + ((line[10] - '0') * 10) + line[11] - '0';
        (StatusStart, StatusLength) = (start + 9, line.Length - 9);
        if (Status < 100) State = HeadState.Refused;
    }

    private void Finish(ReadOnlySpan<byte> bytes)
    {
        Length = _line;
        State = HeadState.Whole;
        IsChunked = false;
        BodyLength = -1;
        if (Fields.Has(FieldKind.TransferEncoding))
        {
            if (!Fields.IsChunked(bytes) || Fields.Has(FieldKind.ContentLength)) State = HeadState.Refused;
            IsChunked = true;
        }
        else if (Fields.Has(FieldKind.ContentLength) && (BodyLength = Fields.Length(bytes)) < 0) State = HeadState.Refused;
        var (close, keep) = (false, false);
        if (Fields.Has(FieldKind.Connection)) Fields.ReadConnection(bytes, ref close, ref keep);
        KeepsAlive = !close && (!_isOld || keep);
    }
}
