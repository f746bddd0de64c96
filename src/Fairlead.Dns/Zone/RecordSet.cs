using System.Buffers.Binary;
using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Zone;

/// <summary>
/// Records of one name and type as they go over the wire, one after the other, each with a pointer to the question's name
/// for its owner. Immutable: answering copies them.
/// </summary>
internal sealed class RecordSet
{
    /// <summary>Owner, type, class, TTL, length.</summary>
    internal const int HeadLength = 12;

    private readonly byte[] _bytes;
    private readonly int[]? _starts;
    private readonly int _stride;

    private RecordSet(byte[] bytes, int count, int[]? starts, RecordSet?[]? addresses)
    {
        _bytes = bytes;
        _starts = starts;
        _stride = bytes.Length / count;
        Count = count;
        Addresses = addresses;
    }

    internal int Count { get; }

    /// <summary>For SRV: two entries a record, the A and the AAAA records of its target, either null; for the rest null.</summary>
    internal RecordSet?[]? Addresses { get; }

    internal ReadOnlySpan<byte> this[int index] =>
        _starts is null
            ? _bytes.AsSpan(index * _stride, _stride)
            : _bytes.AsSpan(_starts[index]..(index + 1 < Count ? _starts[index + 1] : _bytes.Length));

    /// <summary>Null where there is no data.</summary>
    /// <param name="data">Each record's data; names in it uncompressed.</param>
    internal static RecordSet? Of(RecordType type, uint timeToLive, IReadOnlyList<byte[]> data, RecordSet?[]? addresses = null)
    {
        if (data.Count == 0)
        {
            return null;
        }
        byte[] bytes = new byte[data.Sum(record => HeadLength + record.Length)];
        bool even = data.All(record => record.Length == data[0].Length);
        int[]? starts = even ? null : new int[data.Count];
        int at = 0;
        for (int i = 0; i < data.Count; i++)
        {
            starts?[i] = at;
            Span<byte> record = bytes.AsSpan(at);
            BinaryPrimitives.WriteUInt16BigEndian(record, ResponseWriter.QuestionName);
            BinaryPrimitives.WriteUInt16BigEndian(record[2..], (ushort)type);
            BinaryPrimitives.WriteUInt16BigEndian(record[4..], Limits.InternetClass);
            BinaryPrimitives.WriteUInt32BigEndian(record[6..], timeToLive);
            BinaryPrimitives.WriteUInt16BigEndian(record[10..], (ushort)data[i].Length);
            data[i].CopyTo(record[HeadLength..]);
            at += HeadLength + data[i].Length;
        }
        return new RecordSet(bytes, data.Count, starts, addresses);
    }
}
