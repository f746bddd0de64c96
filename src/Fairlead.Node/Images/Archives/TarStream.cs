using System.Globalization;
using System.Text;

namespace Fairlead.Node.Images.Archives;

/// <summary>
/// Reads a tar archive from its start: ustar, GNU long names and binary numbers, and pax records as bytes, which
/// System.Formats.Tar takes for text and so breaks file capabilities (POSIX.1-2017, pax; GNU tar manual, "Basic Tar Format").
/// </summary>
internal sealed class TarStream(Stream source)
{
    private const int Block = 512;

    /// <summary>Long names and pax records of one entry together; more is no honest archive.</summary>
    private const int LongestExtra = 1 << 20;
    private readonly byte[] _header = new byte[Block];
    private long _left;
    private long _padding;

    /// <summary>The next entry, or null at the end; what was not read of the one before is passed over.</summary>
    /// <exception cref="InvalidDataException">It is no tar archive, or breaks off.</exception>
    public TarEntry? Next()
    {
        Skip(_left + _padding);
        var extra = new TarExtra();
        while (true)
        {
            _left = _padding = 0;
            if (!ReadHeader()) return null;
            var size = extra.Size ?? Number(124, 12);
            if (size < 0) throw Broken("an entry of negative size");
            var type = (char)_header[156];
            if (type is 'x' or 'g' or 'L' or 'K')
            {
                var data = ReadExtra(Number(124, 12));
                if (type == 'L') extra.Path = Text(data);
                else if (type == 'K') extra.Target = Text(data);
                else if (type == 'x') extra.AddPax(data);
                continue;
            }
            var entry = Read(type, size, extra);
            if (entry is null)
            {
                Skip(Padded(size));
                extra = new TarExtra();
                continue;
            }
            _left = entry.Size;
            _padding = Padded(entry.Size) - entry.Size;
            return entry;
        }
    }

    /// <summary>Copies the present entry's content, once.</summary>
    public void CopyContent(Stream output)
    {
        var buffer = new byte[(int)Math.Min(81920, Math.Max(1, _left))];
        while (_left > 0)
        {
            var count = source.Read(buffer, 0, (int)Math.Min(buffer.Length, _left));
            if (count == 0) throw Broken("it breaks off within a file");
            output.Write(buffer, 0, count);
            _left -= count;
        }
    }

    private TarEntry? Read(char type, long size, TarExtra extra)
    {
        TarKind? kind = type switch
        {
            '0' or '\0' or '7' => TarKind.File,
            '1' => TarKind.HardLink,
            '2' => TarKind.SymbolicLink,
            '3' => TarKind.CharacterDevice,
            '4' => TarKind.BlockDevice,
            '5' => TarKind.Folder,
            '6' => TarKind.Fifo,
            'S' => throw Broken("GNU sparse files are not supported; write the archive without --sparse"),
            _ => null,
        };
        if (kind is null) return null;
        var path = extra.Path ?? HeaderPath();
        if (kind == TarKind.File && path.EndsWith('/')) kind = TarKind.Folder;
        var seconds = extra.Seconds ?? Number(136, 12);
        return new TarEntry(path, kind.Value, kind == TarKind.File ? size : 0)
        {
            Target = extra.Target ?? Field(157, 100),
            Mode = (uint)Number(100, 8) & 0xFFF,
            User = (uint)(extra.User ?? Number(108, 8)),
            Group = (uint)(extra.Group ?? Number(116, 8)),
            Major = (uint)Number(329, 8),
            Minor = (uint)Number(337, 8),
            Time = DateTimeOffset.UnixEpoch.AddSeconds((double)Math.Clamp(seconds, -30_000_000_000m, 200_000_000_000m)),
            Attributes = extra.Attributes,
        };
    }

    private string HeaderPath()
    {
        var name = Field(0, 100);
        // Only POSIX's form has a prefix; GNU keeps other things there.
        var isPosix = _header.AsSpan(257, 6).SequenceEqual("ustar\0"u8);
        return isPosix && Field(345, 155) is { Length: > 0 } prefix ? $"{prefix}/{name}" : name;
    }

    private bool ReadHeader()
    {
        var read = source.ReadAtLeast(_header, Block, throwOnEndOfStream: false);
        if (read == 0 || (read == Block && !_header.AsSpan().ContainsAnyExcept((byte)0)))
        {
            // To the very end, so that what hashes the stream has seen all of it.
            source.CopyTo(Stream.Null);
            return false;
        }
        if (read < Block) throw Broken("it breaks off within a header");
        if (Checksum() != Number(148, 8)) throw Broken("a header's checksum is wrong");
        return true;
    }

    private long Checksum()
    {
        long sum = 0;
        for (var i = 0; i < Block; i++) sum += i is >= 148 and < 156 ? ' ' : _header[i];
        return sum;
    }

    private byte[] ReadExtra(long size)
    {
        if (size is < 0 or > LongestExtra) throw Broken("a name or a pax record is too long");
        var data = new byte[size];
        if (source.ReadAtLeast(data, data.Length, throwOnEndOfStream: false) < data.Length) throw Broken("it breaks off within a name");
        Skip(Padded(size) - size);
        return data;
    }

    private void Skip(long count)
    {
        var buffer = new byte[(int)Math.Min(81920, Math.Max(1, count))];
        while (count > 0)
        {
            var read = source.Read(buffer, 0, (int)Math.Min(buffer.Length, count));
            if (read == 0) throw Broken("it breaks off");
            count -= read;
        }
    }

    private static long Padded(long size) => (size + Block - 1) / Block * Block;

    private string Field(int at, int length) => Text(_header.AsSpan(at, length));

    internal static string Text(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes.IndexOf((byte)0) is var end and >= 0 ? bytes[..end] : bytes);

    /// <summary>Octal digits, or with the first bit set GNU's binary form.</summary>
    private long Number(int at, int length)
    {
        var field = _header.AsSpan(at, length);
        if ((field[0] & 0x80) != 0)
        {
            long value = field[0] == 0xFF ? -1 : field[0] & 0x7F;
            foreach (var part in field[1..]) value = unchecked((value << 8) | part);
            return value;
        }
        long number = 0;
        foreach (var digit in field)
        {
            if (digit is (byte)' ' or 0)
            {
                if (number > 0) break;
                continue;
            }
            if (digit is < (byte)'0' or > (byte)'7') throw Broken("a number in a header is none");
            number = number * 8 + digit - '0';
        }
        return number;
    }

    internal static InvalidDataException Broken(string why) => new($"the tar archive is broken: {why}");
}

/// <summary>What comes before an entry and says more of it than its header can.</summary>
internal sealed class TarExtra
{
    private const string AttributePrefix = "SCHILY.xattr.";

    public string? Path { get; set; }
    public string? Target { get; set; }
    public long? Size { get; private set; }
    public long? User { get; private set; }
    public long? Group { get; private set; }
    public decimal? Seconds { get; private set; }
    public List<KeyValuePair<string, byte[]>> Attributes { get; } = [];

    /// <summary>Records of the form "30 path=…\n", whose number counts the whole record's bytes.</summary>
    public void AddPax(ReadOnlySpan<byte> data)
    {
        while (data.Length > 0)
        {
            var space = data.IndexOf((byte)' ');
            if (space <= 0 || !int.TryParse(data[..space], CultureInfo.InvariantCulture, out var length) || length <= space + 1 || length > data.Length)
                throw TarStream.Broken("a pax record's length is wrong");
            var record = data[(space + 1)..(length - 1)];
            data = data[length..];
            var equals = record.IndexOf((byte)'=');
            if (equals < 0) throw TarStream.Broken("a pax record has no value");
            Add(Encoding.UTF8.GetString(record[..equals]), record[(equals + 1)..]);
        }
    }

    private void Add(string key, ReadOnlySpan<byte> value)
    {
        switch (key)
        {
            case "path":
                Path = TarStream.Text(value);
                break;
            case "linkpath":
                Target = TarStream.Text(value);
                break;
            case "size":
                Size = (long)Number(value);
                break;
            case "uid":
                User = (long)Number(value);
                break;
            case "gid":
                Group = (long)Number(value);
                break;
            case "mtime":
                Seconds = Number(value);
                break;
            default:
                if (key.StartsWith(AttributePrefix, StringComparison.Ordinal)) Attributes.Add(new(key[AttributePrefix.Length..], value.ToArray()));
                break;
        }
    }

    private static decimal Number(ReadOnlySpan<byte> text) =>
        decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && Math.Abs(number) < long.MaxValue
            ? number
            : throw TarStream.Broken("a pax record's number is none");
}
