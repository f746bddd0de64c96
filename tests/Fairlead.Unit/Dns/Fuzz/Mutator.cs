using System.Buffers.Binary;

namespace Fairlead.Unit.Dns.Fuzz;

/// <summary>Changes messages as one seed has it, the same each time.</summary>
internal sealed class Mutator(IReadOnlyList<byte[]> corpus, int seed)
{
    private const int Longest = 4096;
    private static readonly byte[] s_odd = [0, 1, 12, 41, 63, 64, 0x7F, 0x80, 0xC0, 0xFF];
    private readonly Random _random = new(seed);

    internal byte[] Next()
    {
        byte[] message = [.. corpus[_random.Next(corpus.Count)]];
        for (int changes = _random.Next(1, 8); changes > 0; changes--)
        {
            message = Change(message);
        }
        return message.Length > Longest ? message[..Longest] : message;
    }

    private byte[] Change(byte[] message)
    {
        if (message.Length < 2)
        {
            return [.. message, (byte)_random.Next(256), (byte)_random.Next(256)];
        }
        int at = _random.Next(message.Length);
        switch (_random.Next(8))
        {
            case 0:
                message[at] ^= (byte)(1 << _random.Next(8));
                return message;
            case 1:
                message[at] = s_odd[_random.Next(s_odd.Length)];
                return message;
            case 2:
                message[at] = (byte)_random.Next(256);
                return message;
            case 3:
                return message[..at];
            case 4:
                int end = _random.Next(at, message.Length);
                return [.. message[..end], .. message[at..]];
            case 5:
                byte[] other = corpus[_random.Next(corpus.Count)];
                return [.. message[..at], .. other[_random.Next(other.Length)..]];
            case 6:
                // A pointer to anywhere.
                at = Math.Min(at, message.Length - 2);
                BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(at), (ushort)(0xC000 | _random.Next(message.Length + 4)));
                return message;
            default:
                // The header's counts.
                message[Math.Min(message.Length - 1, 5 + (2 * _random.Next(4)))] = (byte)_random.Next(4);
                return message;
        }
    }
}
