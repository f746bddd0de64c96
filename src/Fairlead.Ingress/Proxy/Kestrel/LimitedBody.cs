using Fairlead.Kube.Streams;
using Microsoft.AspNetCore.Http;

namespace Fairlead.Ingress.Proxy.Kestrel;

/// <summary>A request's body whose length is not declared, up to a limit. Kestrel's own limit counts the chunks' framing too, which is none of the body's.</summary>
/// <param name="limit">Bytes.</param>
internal sealed class LimitedBody(Stream inner, long limit) : AsyncStream
{
    private long _read;

    public override bool CanRead => true;

    /// <exception cref="BadHttpRequestException">With 413: there is more.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var count = await inner.ReadAsync(buffer, cancellationToken);
        _read += count;
        return _read <= limit ? count : throw new BadHttpRequestException("the body is longer than the route allows", StatusCodes.Status413PayloadTooLarge);
    }
}
