using System.IO.Hashing;
using System.Text;

namespace Fairlead.Ingress.Proxy.Lean;

/// <summary>What was made of texts seen lately, so that the same text again allocates nothing. Bounded. For the loop's thread.</summary>
internal sealed class TextCache<T>(Func<string, T> make)
{
    private const int Slots = 1024;
    private const int Longest = 256;
    private readonly (string? Text, T Value)[] _slots = new (string?, T)[Slots];

    internal T Get(ReadOnlySpan<byte> text)
    {
        if (text.Length > Longest) return make(Encoding.Latin1.GetString(text));
        ref var slot = ref _slots[XxHash3.HashToUInt64(text) % Slots];
        if (slot.Text is { } seen && Ascii.Equals(text, seen)) return slot.Value;
        var read = Encoding.Latin1.GetString(text);
        slot = (read, make(read));
        return slot.Value;
    }
}
