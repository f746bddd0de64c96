using System.Buffers.Binary;
using System.Text;

namespace Fairlead.Linux.DBus;

/// <summary>Values for a message, marshalled one after the other, and their signature.</summary>
public sealed class DBusBody
{
    private readonly List<byte> _bytes = [];
    private readonly StringBuilder _signature = new();

    /// <summary>For example <c>ssi</c>.</summary>
    public string Signature => _signature.ToString();

    internal ReadOnlySpan<byte> Bytes => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_bytes);

    public DBusBody Add(string text)
    {
        _signature.Append('s');
        PutString(text);
        return this;
    }

    public DBusBody Add(uint number)
    {
        _signature.Append('u');
        Put(number);
        return this;
    }

    public DBusBody Add(int number)
    {
        _signature.Append('i');
        Put((uint)number);
        return this;
    }

    internal void Align(int size)
    {
        while (_bytes.Count % size != 0)
        {
            _bytes.Add(0);
        }
    }

    internal void Put(byte value) => _bytes.Add(value);

    internal void Put(uint value)
    {
        Align(4);
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        _bytes.AddRange(bytes);
    }

    internal void PutString(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Put((uint)bytes.Length);
        _bytes.AddRange(bytes);
        _bytes.Add(0);
    }

    internal void PutSignature(string signature)
    {
        _bytes.Add((byte)signature.Length);
        _bytes.AddRange(Encoding.ASCII.GetBytes(signature));
        _bytes.Add(0);
    }

    internal void Put(ReadOnlySpan<byte> bytes) => _bytes.AddRange(bytes);
}
