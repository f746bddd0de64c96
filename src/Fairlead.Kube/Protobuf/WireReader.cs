using System.Buffers.Binary;

namespace Fairlead.Kube.Protobuf;

/// <summary>A body is not protobuf, or not of the message expected.</summary>
public sealed class WireException(string message) : Exception(message);

/// <summary>How a field's value is written (Protocol Buffers documentation: "Encoding").</summary>
public enum WireType
{
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
    Fixed32 = 5,
}

/// <summary>Reads the fields of one protobuf message. All bounds are checked here.</summary>
public ref struct WireReader(ReadOnlySpan<byte> message)
{
    private ReadOnlySpan<byte> _rest = message;

    public readonly bool AtEnd => _rest.IsEmpty;

    /// <summary>Reads the next field's number and wire type; false at the message's end.</summary>
    /// <exception cref="WireException">The bytes are no field.</exception>
    public bool Next(out int number, out WireType type)
    {
        (number, type) = (0, default);
        if (_rest.IsEmpty) return false;
        var tag = Varint();
        type = (WireType)(tag & 7);
        if (tag >> 3 is 0 or > 0x1FFFFFFF || type is not (WireType.Varint or WireType.Fixed64 or WireType.Bytes or WireType.Fixed32))
            throw new WireException("proto: illegal tag");
        number = (int)(tag >> 3);
        return true;
    }

    public ulong Varint()
    {
        ulong value = 0;
        for (var i = 0; i < 10 && i < _rest.Length; i++)
        {
            value |= (ulong)(_rest[i] & 0x7F) << (7 * i);
            if (_rest[i] >= 0x80) continue;
            _rest = _rest[(i + 1)..];
            return value;
        }
        throw new WireException(_rest.Length < 10 ? "unexpected EOF" : "proto: integer overflow");
    }

    public ReadOnlySpan<byte> Bytes()
    {
        var length = Varint();
        if (length > (ulong)_rest.Length) throw new WireException("unexpected EOF");
        return Take((int)length);
    }

    public double Double(WireType type) => type == WireType.Fixed32
        ? BinaryPrimitives.ReadSingleLittleEndian(Take(4))
        : BinaryPrimitives.ReadDoubleLittleEndian(Take(8));

    public void Skip(WireType type)
    {
        switch (type)
        {
            case WireType.Varint:
                Varint();
                break;
            case WireType.Bytes:
                Bytes();
                break;
            default:
                Take(type == WireType.Fixed64 ? 8 : 4);
                break;
        }
    }

    private ReadOnlySpan<byte> Take(int length)
    {
        if (length > _rest.Length) throw new WireException("unexpected EOF");
        var taken = _rest[..length];
        _rest = _rest[length..];
        return taken;
    }
}
