using System.IO.Pipelines;
using Fairlead.Kube.Streams;

namespace Fairlead.Ingress.Proxy.Lean;

/// <summary>Bytes that were read before, then those of another stream.</summary>
internal sealed class PrefixStream(byte[] first, Stream rest) : AsyncStream
{
    private int _taken;

    public override bool CanRead => true;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_taken == first.Length) return rest.ReadAsync(buffer, cancellationToken);
        var count = Math.Min(buffer.Length, first.Length - _taken);
        first.AsMemory(_taken, count).CopyTo(buffer);
        _taken += count;
        return new ValueTask<int>(count);
    }
}

/// <summary>A transport, for TLS to run over.</summary>
internal sealed class TransportStream(IDuplexPipe transport) : AsyncStream
{
    private readonly Stream _input = transport.Input.AsStream();

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => _input.ReadAsync(buffer, cancellationToken);

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => await transport.Output.WriteAsync(buffer, cancellationToken);
}
