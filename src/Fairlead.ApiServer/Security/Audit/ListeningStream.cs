using System.Buffers;
using Fairlead.Kube.Streams;

namespace Fairlead.ApiServer.Security.Audit;

/// <summary>What was answered, up to a size beyond which nothing of it is kept.</summary>
internal sealed class KeptAnswer(int most)
{
    private ArrayBufferWriter<byte>? _kept = new();

    public ReadOnlySpan<byte> Bytes => _kept is null ? default : _kept.WrittenSpan;

    public void Add(ReadOnlySpan<byte> bytes)
    {
        if (_kept?.WrittenCount + bytes.Length > most) _kept = null;
        _kept?.Write(bytes);
    }
}

/// <summary>Passes on what is written, and keeps it.</summary>
internal sealed class ListeningStream(Stream inner, KeptAnswer kept) : AsyncStream
{
    public override bool CanWrite => true;

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        kept.Add(buffer.Span);
        await inner.WriteAsync(buffer, cancellationToken);
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);
}
