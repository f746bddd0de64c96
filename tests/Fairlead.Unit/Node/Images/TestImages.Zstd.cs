namespace Fairlead.Unit.Node.Images;

internal sealed partial class TestImage
{
    public static byte[] Zstd(byte[] data)
    {
        using var compressor = new ZstdSharp.Compressor();
        return compressor.Wrap(data).ToArray();
    }
}
