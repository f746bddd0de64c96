namespace Fairlead.Ingress.Proxy.Lean.Wire;

/// <summary>
/// Takes a chunked body (RFC 9112, section 7.1) out of its chunks, strictly: sizes are digits and nothing else, extensions are passed over,
/// lines end in CR LF. Trailers are checked and dropped: nothing that comes after a body changes what was decided before it.
/// </summary>
internal sealed class ChunkReader
{
    private const int MostSizeDigits = 15;
    private const int LongestLine = 4096;
    private Part _part;
    private long _left;
    private int _digits;
    private int _lineLength;

    private enum Part
    {
        Size,
        Extension,
        SizeEnd,
        Data,
        DataCr,
        DataLf,
        Trailer,
        TrailerLf,
        Done,
        Bad,
    }

    internal bool IsDone => _part == Part.Done;

    internal bool IsBad => _part == Part.Bad;

    internal void Clear() => (_part, _left, _digits, _lineLength) = (Part.Size, 0, 0, 0);

    /// <summary>Moves the data in the bytes to their front.</summary>
    /// <param name="consumed">Fewer than all only where the body ended.</param>
    /// <returns>Bytes of data.</returns>
    internal int Read(Span<byte> bytes, out int consumed)
    {
        var (at, to) = (0, 0);
        while (at < bytes.Length && _part is not (Part.Done or Part.Bad))
        {
            if (_part != Part.Data)
            {
                Step(bytes[at++]);
                continue;
            }
            var count = (int)Math.Min(_left, bytes.Length - at);
            if (at != to) bytes.Slice(at, count).CopyTo(bytes[to..]);
            at += count;
            to += count;
            _left -= count;
            if (_left == 0) _part = Part.DataCr;
        }
        consumed = at;
        return to;
    }

    private void Step(byte value) => _part = _part switch
    {
        Part.Size => Size(value),
        Part.Extension => value == '\r' ? Part.SizeEnd : value is (byte)'\n' or 0 || ++_lineLength > LongestLine ? Part.Bad : Part.Extension,
        Part.SizeEnd => value == '\n' ? Begin() : Part.Bad,
        Part.DataCr => value == '\r' ? Part.DataLf : Part.Bad,
        Part.DataLf => value == '\n' ? NextSize() : Part.Bad,
        Part.Trailer => Trailer(value),
        Part.TrailerLf => value != '\n' ? Part.Bad : _lineLength == 0 ? Part.Done : NextTrailer(),
        _ => Part.Bad,
    };

    private Part Size(byte value)
    {
        if (char.IsAsciiHexDigit((char)value))
        {
            if (++_digits > MostSizeDigits) return Part.Bad;
            _left = (_left << 4) + (value <= '9' ? value - '0' : (value | 0x20) - 'a' + 10);
            return Part.Size;
        }
        if (_digits == 0) return Part.Bad;
        return value switch { (byte)'\r' => Part.SizeEnd, (byte)';' => Part.Extension, _ => Part.Bad };
    }

    private Part Begin()
    {
        _lineLength = 0;
        return _left == 0 ? Part.Trailer : Part.Data;
    }

    private Part NextSize()
    {
        (_left, _digits, _lineLength) = (0, 0, 0);
        return Part.Size;
    }

    private Part NextTrailer()
    {
        _lineLength = 0;
        // All trailers together have the room of one line, twice.
        return ++_digits > HeadFields.Most ? Part.Bad : Part.Trailer;
    }

    private Part Trailer(byte value)
    {
        if (value == '\r') return Part.TrailerLf;
        if (value is (byte)'\n' or 0 || ++_lineLength > LongestLine) return Part.Bad;
        return Part.Trailer;
    }
}
