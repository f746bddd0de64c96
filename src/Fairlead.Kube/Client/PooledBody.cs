using System.Buffers;

namespace Fairlead.Kube.Client;

/// <summary>An answer's body in a rented array: pages of a list are large, and each would be garbage as soon as it is parsed.</summary>
internal sealed class PooledBody : IDisposable
{
    private const int FirstSize = 256 * 1024;

    private byte[] _array = ArrayPool<byte>.Shared.Rent(FirstSize);
    private int _length;

    private PooledBody()
    {
    }

    internal ReadOnlySpan<byte> Bytes => _array.AsSpan(0, _length);

    internal static async Task<PooledBody> ReadAsync(HttpContent content, CancellationToken cancel)
    {
        await using var stream = await content.ReadAsStreamAsync(cancel);
        var body = new PooledBody();
        try
        {
            int read;
            while ((read = await stream.ReadAsync(body.Free(), cancel)) > 0) body._length += read;
            return body;
        }
        catch
        {
            body.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_array);
        _array = [];
        _length = 0;
    }

    private Memory<byte> Free()
    {
        if (_length == _array.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(2 * _array.Length);
            Bytes.CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_array);
            _array = larger;
        }
        return _array.AsMemory(_length);
    }
}
