using System.Text;

namespace Fairlead.Kube.Protobuf;

/// <summary>Whole messages, maps and texts of proto3, in which a field that has its type's default is not written (Protocol Buffers documentation: "Encoding").</summary>
public static class WireMessage
{
    public static byte[] Write(Action<WireWriter> fill)
    {
        var writer = new WireWriter();
        fill(writer);
        return writer.Written.ToArray();
    }

    public static void Message(this WireWriter writer, int field, Action<WireWriter> fill) => writer.Bytes(field, Write(fill));

    public static void Optional(this WireWriter writer, int field, string? text)
    {
        if (!string.IsNullOrEmpty(text)) writer.Text(field, text);
    }

    public static void Optional(this WireWriter writer, int field, long number)
    {
        if (number != 0) writer.Number(field, number);
    }

    public static void Optional(this WireWriter writer, int field, bool flag)
    {
        if (flag) writer.Number(field, 1);
    }

    public static void Texts(this WireWriter writer, int field, IEnumerable<string> texts)
    {
        foreach (var text in texts) writer.Text(field, text);
    }

    public static void Map(this WireWriter writer, int field, IEnumerable<KeyValuePair<string, string>> map)
    {
        foreach (var (key, value) in map)
        {
            writer.Message(field, entry =>
            {
                entry.Text(1, key);
                entry.Text(2, value);
            });
        }
    }

    /// <summary>A number in a message of its own, which tells 0 from none (Int64Value).</summary>
    public static void Wrapped(this WireWriter writer, int field, long? number)
    {
        if (number is { } value) writer.Message(field, inner => inner.Optional(1, value));
    }

    public static string Text(this ref WireReader reader) => Encoding.UTF8.GetString(reader.Bytes());

    /// <summary>One entry of a map.</summary>
    public static void ReadInto(this ref WireReader reader, Dictionary<string, string> map)
    {
        var entry = new WireReader(reader.Bytes());
        var (key, value) = ("", "");
        while (entry.Next(out var field, out var type))
        {
            if (field == 1) key = entry.Text();
            else if (field == 2) value = entry.Text();
            else entry.Skip(type);
        }
        map[key] = value;
    }

    /// <summary>The text of a message's field of that number; empty where it has none.</summary>
    public static string TextOf(ReadOnlySpan<byte> message, int wanted)
    {
        var reader = new WireReader(message);
        var text = "";
        while (reader.Next(out var field, out var type))
        {
            if (field == wanted && type == WireType.Bytes) text = reader.Text();
            else reader.Skip(type);
        }
        return text;
    }

    /// <summary>The message in a message's first field of that number; empty where it has none.</summary>
    public static ReadOnlySpan<byte> Part(ReadOnlySpan<byte> message, int wanted)
    {
        var reader = new WireReader(message);
        while (reader.Next(out var field, out var type))
        {
            if (field == wanted) return reader.Bytes();
            reader.Skip(type);
        }
        return [];
    }

    /// <summary>The number in a message's first field of that number; 0 where it has none.</summary>
    public static long NumberOf(ReadOnlySpan<byte> message, int wanted)
    {
        var reader = new WireReader(message);
        while (reader.Next(out var field, out var type))
        {
            if (field == wanted) return (long)reader.Varint();
            reader.Skip(type);
        }
        return 0;
    }

    /// <summary>All messages in a message's fields of that number, read.</summary>
    public static List<T> Each<T>(ReadOnlySpan<byte> message, int wanted, Func<ReadOnlySpan<byte>, T> read)
    {
        var all = new List<T>();
        var reader = new WireReader(message);
        while (reader.Next(out var field, out var type))
        {
            if (field == wanted) all.Add(read(reader.Bytes()));
            else reader.Skip(type);
        }
        return all;
    }
}
