using System.Text;

namespace Fairlead.Unit.Fuzz;

/// <summary>Changes bytes: bits, cuts, repeats, pieces of other inputs, and words that mean something to the reader.</summary>
internal sealed class ByteChanges(IReadOnlyList<byte[]> corpus, params string[] words)
{
    private const int Longest = 64 * 1024;
    private static readonly byte[] Odd = [0, 1, 0x7F, 0x80, 0xC0, 0xFF, (byte)'"', (byte)'{', (byte)'[', (byte)'\\', (byte)'-', (byte)'\n'];

    internal byte[] Next(Random random)
    {
        byte[] input = [.. corpus[random.Next(corpus.Count)]];
        for (var changes = random.Next(1, 6); changes > 0; changes--) input = Change(input, random);
        return input.Length > Longest ? input[..Longest] : input;
    }

    internal byte[] Change(byte[] input, Random random)
    {
        if (input.Length < 2) return [.. input, (byte)random.Next(256), (byte)random.Next(256)];
        var at = random.Next(input.Length);
        switch (random.Next(8))
        {
            case 0:
                input[at] ^= (byte)(1 << random.Next(8));
                return input;
            case 1:
                input[at] = Odd[random.Next(Odd.Length)];
                return input;
            case 2:
                input[at] = (byte)random.Next(256);
                return input;
            case 3:
                return input[..at];
            case 4:
                var end = random.Next(at, input.Length);
                return [.. input[..end], .. input[at..]];
            case 5:
                var other = corpus[random.Next(corpus.Count)];
                return other.Length == 0 ? input : [.. input[..at], .. other[random.Next(other.Length)..]];
            case 6:
                return [.. input[..at], .. input[random.Next(at, input.Length)..]];
            default:
                return words.Length == 0 ? input : [.. input[..at], .. Encoding.UTF8.GetBytes(words[random.Next(words.Length)]), .. input[random.Next(at, input.Length)..]];
        }
    }
}
