using System.Numerics;

namespace Fairlead.Dns.Zone;

/// <summary>
/// An immutable map from bytes to values, in which a change copies one path (at most seven small arrays, whatever the size)
/// and a look-up takes a span and allocates nothing. A hash trie: five bits of the key's hash a level; keys of one hash are chained.
/// Keys come from the API's objects, not from questions, so a hash that can be foreseen does no harm.
/// </summary>
internal sealed class NameMap<T> where T : class
{
    internal static readonly NameMap<T> Empty = new(new Branch(0, []), 0);
    private const int Bits = 5;
    private const int HashBits = 32;
    private readonly Branch _root;

    private NameMap(Branch root, int count) => (_root, Count) = (root, count);

    internal int Count { get; }

    internal T? Find(ReadOnlySpan<byte> key)
    {
        uint hash = Hash(key);
        Branch branch = _root;
        for (int shift = 0; ; shift += Bits)
        {
            switch (branch.At(hash, shift))
            {
                case Branch deeper:
                    branch = deeper;
                    break;
                case Leaf leaf:
                    return leaf.Find(hash, key)?.Value;
                default:
                    return null;
            }
        }
    }

    /// <summary>With the value under the key; null takes the key out.</summary>
    internal NameMap<T> Set(byte[] key, T? value)
    {
        uint hash = Hash(key);
        bool had = Find(key) is not null;
        if (value is null)
        {
            return had ? new NameMap<T>(_root.Without(hash, key, 0), Count - 1) : this;
        }
        return new NameMap<T>(_root.With(new Leaf(hash, key, value, null), 0), had ? Count : Count + 1);
    }

    // FNV-1a, its high bits folded into the low ones, which choose first.
    private static uint Hash(ReadOnlySpan<byte> key)
    {
        uint hash = 2166136261;
        foreach (byte value in key)
        {
            hash = (hash ^ value) * 16777619;
        }
        return hash ^ (hash >> 15);
    }

    private sealed record Leaf(uint Hash, byte[] Key, T Value, Leaf? Next)
    {
        internal Leaf? Find(uint hash, ReadOnlySpan<byte> key)
        {
            for (Leaf? leaf = this; leaf is not null; leaf = leaf.Next)
            {
                if (leaf.Hash == hash && key.SequenceEqual(leaf.Key))
                {
                    return leaf;
                }
            }
            return null;
        }

        internal Leaf? Without(byte[] key) => Key.AsSpan().SequenceEqual(key) ? Next : this with { Next = Next?.Without(key) };
    }

    /// <param name="Bitmap">Which of the 32 places are taken.</param>
    /// <param name="Slots">Their content in order: a Branch or a Leaf.</param>
    private sealed record Branch(uint Bitmap, object[] Slots)
    {
        internal object? At(uint hash, int shift)
        {
            uint bit = Bit(hash, shift);
            return (Bitmap & bit) == 0 ? null : Slots[Index(bit)];
        }

        internal Branch With(Leaf leaf, int shift)
        {
            uint bit = Bit(leaf.Hash, shift);
            int index = Index(bit);
            if ((Bitmap & bit) == 0)
            {
                return new Branch(Bitmap | bit, [.. Slots[..index], leaf, .. Slots[index..]]);
            }
            return Replace(index, Slots[index] switch
            {
                Branch deeper => deeper.With(leaf, shift + Bits),
                Leaf other when other.Hash == leaf.Hash => leaf with { Next = other.Without(leaf.Key) },
                Leaf other => new Branch(0, []).With(other, shift + Bits).With(leaf, shift + Bits),
                _ => throw new InvalidOperationException("A slot holds a branch or a leaf."),
            });
        }

        internal Branch Without(uint hash, byte[] key, int shift)
        {
            uint bit = Bit(hash, shift);
            int index = Index(bit);
            object? left = Slots[index] switch
            {
                Branch deeper => deeper.Without(hash, key, shift + Bits) is { Slots.Length: > 0 } rest ? rest : null,
                Leaf leaf => leaf.Without(key),
                _ => null,
            };
            return left is null
                ? new Branch(Bitmap & ~bit, [.. Slots[..index], .. Slots[(index + 1)..]])
                : Replace(index, left);
        }

        // Leaves of different hashes part at the latest where the hash's bits end.
        private static uint Bit(uint hash, int shift) => 1u << (int)((shift < HashBits ? hash >> shift : 0) & 31);

        private int Index(uint bit) => BitOperations.PopCount(Bitmap & (bit - 1));

        private Branch Replace(int index, object slot)
        {
            object[] slots = [.. Slots];
            slots[index] = slot;
            return new Branch(Bitmap, slots);
        }
    }
}
