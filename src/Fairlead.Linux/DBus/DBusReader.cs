using System.Buffers.Binary;
using System.Text;

namespace Fairlead.Linux.DBus;

/// <summary>Reads values as D-Bus marshals them, each aligned to its size (D-Bus specification, "Marshaling"); little endian only.</summary>
/// <param name="bytes">From a place that is aligned to 8.</param>
public ref struct DBusReader(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    /// <summary>What has been read, in bytes.</summary>
    public int Position { get; private set; }

    /// <exception cref="DBusException">There is no such value: so with all that follow.</exception>
    public byte ReadByte() => Take(1, 1)[0];

    public uint ReadUInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4, 4));

    public ulong ReadUInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8, 8));

    public bool ReadBoolean() => ReadUInt32() != 0;

    /// <summary>A string or the path of an object.</summary>
    public string ReadString() => ReadText(Length(ReadUInt32()));

    public string ReadSignature() => ReadText(ReadByte());

    /// <summary>The value of a variant that must be an unsigned number of 64 bits.</summary>
    public ulong ReadUInt64Variant() => ReadSignature() is "t" ? ReadUInt64() : throw new DBusException("the variant is no number of 64 bits");

    public void Align(int size) => Take(0, size);

    /// <summary>Passes over a value of a basic type.</summary>
    public void Skip(string signature)
    {
        switch (signature)
        {
            case "y":
                Take(1, 1);
                break;
            case "n" or "q":
                Take(2, 2);
                break;
            case "b" or "i" or "u" or "h":
                Take(4, 4);
                break;
            case "x" or "t" or "d":
                Take(8, 8);
                break;
            case "s" or "o":
                ReadString();
                break;
            case "g":
                ReadSignature();
                break;
            default:
                throw new DBusException($"a value of type {signature} is not expected");
        }
    }

    private string ReadText(int length)
    {
        string text = Encoding.UTF8.GetString(Take(length, 1));
        Take(1, 1); // the zero after it
        return text;
    }

    private static int Length(uint length) => length <= DBusMessage.Longest ? (int)length : throw new DBusException("a string is too long");

    private ReadOnlySpan<byte> Take(int length, int alignment)
    {
        int start = (Position + alignment - 1) & -alignment;
        if (length > _bytes.Length - start)
        {
            throw new DBusException("a message is shorter than its values");
        }
        Position = start + length;
        return _bytes.Slice(start, length);
    }
}
