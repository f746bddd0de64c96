using System.Buffers.Binary;
using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Forward;

/// <summary>What answers are kept under: the name in lower case, type, class, and the bits that change an answer.</summary>
internal static class QuestionKey
{
    /// <summary>Bytes after the name.</summary>
    internal const int Trailer = 5;

    internal const int Longest = Limits.Name + Trailer;

    internal static ReadOnlySpan<byte> Write(in Query query, Span<byte> key)
    {
        query.Name.CopyTo(key);
        int at = query.NameLength;
        BinaryPrimitives.WriteUInt16BigEndian(key[at..], (ushort)query.Type);
        BinaryPrimitives.WriteUInt16BigEndian(key[(at + 2)..], query.Class);
        key[at + 4] = (byte)((query.HasEdns ? 1 : 0) | (query.DnssecOk ? 2 : 0) | (query.Flags & HeaderFlags.CheckingDisabled));
        return key[..(at + Trailer)];
    }

    /// <summary>Compares keys by their bytes, also where they lie on the stack. The hash is seeded: names are chosen by clients.</summary>
    internal sealed class Comparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
    {
        internal static readonly Comparer Instance = new();

        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

        public int GetHashCode(byte[] obj) => GetHashCode(obj.AsSpan());

        public int GetHashCode(ReadOnlySpan<byte> alternate)
        {
            var hash = new HashCode();
            hash.AddBytes(alternate);
            return hash.ToHashCode();
        }

        public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();
    }
}
