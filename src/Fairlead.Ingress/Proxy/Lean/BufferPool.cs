namespace Fairlead.Ingress.Proxy.Lean;

/// <summary>Buffers of one loop: the one given back last is taken first, being the one that the processor still has near. For the loop's thread.</summary>
internal sealed class BufferPool
{
    /// <summary>A head and a small body.</summary>
    internal const int Small = 8 * 1024;

    /// <summary>The longest head that is allowed, and pieces of bodies.</summary>
    internal const int Large = 128 * 1024;

    private const int MostSpareSmall = 256;
    private const int MostSpareLarge = 32;
    private readonly Stack<byte[]> _small = new();
    private readonly Stack<byte[]> _large = new();

    internal byte[] Rent(int size = Small)
    {
        if (size <= Small) return _small.TryPop(out var small) ? small : GC.AllocateUninitializedArray<byte>(Small);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, Large);
        return _large.TryPop(out var large) ? large : GC.AllocateUninitializedArray<byte>(Large);
    }

    internal void Return(ref byte[]? buffer)
    {
        if (buffer is { Length: Small } && _small.Count < MostSpareSmall) _small.Push(buffer);
        else if (buffer is { Length: Large } && _large.Count < MostSpareLarge) _large.Push(buffer);
        buffer = null;
    }
}
