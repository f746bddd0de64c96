using System.Text;
using CsCheck;
using Fairlead.Ingress.Proxy.Lean.Wire;
using Xunit;

namespace Fairlead.Unit.Ingress.Proxy.Lean;

public sealed class ChunkReaderTests
{
    [Theory]
    [InlineData("0\r\n\r\n", "")]
    [InlineData("5\r\nhello\r\n0\r\n\r\n", "hello")]
    [InlineData("5;a=b\r\nhello\r\n1\r\n!\r\n000\r\n\r\nGET", "hello!", 3)]
    [InlineData("A\r\n0123456789\r\n0\r\nTrailer: dropped\r\nOther: x\r\n\r\n", "0123456789")]
    public void Chunks_AreTakenOut(string text, string data, int rest = 0)
    {
        var (chunks, bytes) = (new ChunkReader(), Encoding.Latin1.GetBytes(text));

        var count = chunks.Read(bytes, out var consumed);

        Assert.True(chunks.IsDone);
        Assert.Equal((data, text.Length - rest), (Encoding.Latin1.GetString(bytes, 0, count), consumed));
    }

    [Theory]
    [InlineData("\r\n")]
    [InlineData("g\r\n")]
    [InlineData("+1\r\nx\r\n")]
    [InlineData("0x1\r\nx\r\n")]
    [InlineData(" 1\r\nx\r\n")]
    [InlineData("1 \r\nx\r\n")]
    [InlineData("1\nx\r\n")]
    [InlineData("1\r\nx\n")]
    [InlineData("1\r\nxy\r\n")]
    [InlineData("1;a\nb\r\nx\r\n")]
    [InlineData("1;a\rb\r\nx\r\n")]
    [InlineData("1000000000000000\r\n")]
    [InlineData("0\r\nX: 1\n\r\n")]
    [InlineData("0\r\n\rX")]
    public void BadChunks_AreBad(string text)
    {
        var chunks = new ChunkReader();

        chunks.Read(Encoding.Latin1.GetBytes(text), out _);

        Assert.True(chunks.IsBad);
    }

    [Fact]
    public void Chunks_CutAnywhere_ReadTheSame()
    {
        var bodies = Gen.String[Gen.Char['a', 'z'], 0, 40].Array[0, 6];
        Gen.Select(bodies, Gen.Int[0, 10_000].Array[0, 10], Gen.Bool).Sample((parts, cuts, trailer) =>
        {
            var text = string.Concat(parts.Where(part => part.Length > 0).Select(part => $"{part.Length:x}\r\n{part}\r\n")) + (trailer ? "0\r\nT: 1\r\n\r\n" : "0\r\n\r\n") + "rest";
            var bytes = Encoding.Latin1.GetBytes(text);
            var chunks = new ChunkReader();
            var (data, at) = (new StringBuilder(), 0);
            foreach (var end in cuts.Select(cut => cut % (bytes.Length + 1)).Append(bytes.Length).Order())
            {
                if (end <= at) continue;
                var piece = bytes[at..end];
                data.Append(Encoding.Latin1.GetString(piece, 0, chunks.Read(piece, out var consumed)));
                at += consumed;
                if (chunks.IsDone) break;
            }
            Assert.True(chunks.IsDone);
            Assert.Equal((string.Concat(parts), "rest"), (data.ToString(), text[at..]));
        }, iter: 2000);
    }
}
