using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Linux.DBus;

/// <summary>What a message is.</summary>
public enum DBusMessageType : byte
{
    Call = 1,
    Return = 2,
    Error = 3,
    Signal = 4,
}

/// <summary>One message of a bus (D-Bus specification, "Message Format").</summary>
public sealed record DBusMessage
{
    /// <summary>Bytes of the longest message that is taken; the bus itself allows 128 MiB.</summary>
    internal const int Longest = 1 << 20;

    /// <summary>Before the fields of the header: byte order, type, flags, version, length of the body, serial, length of the fields.</summary>
    internal const int HeadSize = 16;

    private const byte LittleEndian = (byte)'l', Version = 1;

    public required DBusMessageType Type { get; init; }

    /// <summary>The caller's number of it.</summary>
    public uint Serial { get; init; }

    /// <summary>Which call this answers.</summary>
    public uint ReplySerial { get; init; }

    public string? Path { get; init; }

    public string? Interface { get; init; }

    public string? Member { get; init; }

    /// <summary>For example <c>org.freedesktop.DBus.Error.ServiceUnknown</c>.</summary>
    public string? ErrorName { get; init; }

    public string? Destination { get; init; }

    public string? Sender { get; init; }

    /// <summary>Types of the values in the body.</summary>
    public string Signature { get; init; } = "";

    public ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>How many descriptors came with it.</summary>
    public uint HandleCount { get; init; }

    /// <summary>The descriptors, in their order; whoever gets the message owns them.</summary>
    public IReadOnlyList<SafeFileHandle> Handles { get; init; } = [];

    /// <summary>Length of the message that begins with these bytes; 0: that cannot be told yet.</summary>
    /// <exception cref="DBusException">No message begins so.</exception>
    internal static int Measure(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeadSize)
        {
            return 0;
        }
        if (bytes[0] != LittleEndian || bytes[3] != Version)
        {
            throw new DBusException("a message is of another byte order or version");
        }
        long body = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
        long fields = BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]);
        long length = ((HeadSize + fields + 7) & ~7L) + body;
        return length <= Longest ? (int)length : throw new DBusException("a message is too long");
    }

    /// <param name="bytes">All of it, as measured.</param>
    internal static DBusMessage Parse(ReadOnlySpan<byte> bytes)
    {
        int fields = (int)BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]);
        var message = new DBusMessage { Type = (DBusMessageType)bytes[1], Serial = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]) };
        var reader = new DBusReader(bytes[..(HeadSize + fields)]);
        reader.ReadUInt64();
        reader.ReadUInt64();
        while (reader.Position < HeadSize + fields)
        {
            reader.Align(8);
            message = ReadField(message, ref reader);
        }
        return message with { Body = bytes[((HeadSize + fields + 7) & ~7)..].ToArray() };
    }

    private static DBusMessage ReadField(DBusMessage message, ref DBusReader reader)
    {
        byte code = reader.ReadByte();
        string type = reader.ReadSignature();
        switch (code, type)
        {
            case (1, "o"):
                return message with { Path = reader.ReadString() };
            case (2, "s"):
                return message with { Interface = reader.ReadString() };
            case (3, "s"):
                return message with { Member = reader.ReadString() };
            case (4, "s"):
                return message with { ErrorName = reader.ReadString() };
            case (5, "u"):
                return message with { ReplySerial = reader.ReadUInt32() };
            case (6, "s"):
                return message with { Destination = reader.ReadString() };
            case (7, "s"):
                return message with { Sender = reader.ReadString() };
            case (8, "g"):
                return message with { Signature = reader.ReadSignature() };
            case (9, "u"):
                return message with { HandleCount = reader.ReadUInt32() };
            default:
                // Fields that are not known are to be ignored.
                reader.Skip(type);
                return message;
        }
    }

    /// <param name="body">Its values, or null: it has none.</param>
    internal byte[] Write(DBusBody? body)
    {
        var fields = new DBusBody();
        Field(fields, 1, "o", Path);
        Field(fields, 2, "s", Interface);
        Field(fields, 3, "s", Member);
        Field(fields, 6, "s", Destination);
        if (body is not null)
        {
            fields.Align(8);
            fields.Put(8);
            fields.PutSignature("g");
            fields.PutSignature(body.Signature);
        }
        var all = new DBusBody();
        all.Put([LittleEndian, (byte)Type, 0, Version]);
        all.Put((uint)(body?.Bytes.Length ?? 0));
        all.Put(Serial);
        all.Put((uint)fields.Bytes.Length);
        all.Put(fields.Bytes);
        all.Align(8);
        all.Put(body is null ? default : body.Bytes);
        return all.Bytes.ToArray();
    }

    private static void Field(DBusBody fields, byte code, string type, string? value)
    {
        if (value is null)
        {
            return;
        }
        fields.Align(8);
        fields.Put(code);
        fields.PutSignature(type);
        fields.PutString(value);
    }
}
