using System.Buffers;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Fairlead.Ingress.Proxy.Kestrel;

/// <summary>
/// The rest of a body whose request is answered already: taken for a moment and thrown away before the answer ends. Kestrel does so with HTTP/1.1; with HTTP/2 it resets the
/// stream at the answer's end, as it may (RFC 9113, section 8.1), and there are clients in the middle of sending that count the answer they have in full as failed (curl 7.88
/// exits with 92). A call of gRPC is over when its server says so, and its clients know.
/// </summary>
internal static class Lingering
{
    private const int Piece = 16 * 1024;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>Sends what there is of the answer, and completes when the client has sent all, is gone, or has had its time.</summary>
    internal static async Task DrainAsync(HttpContext context, Stream body, TimeProvider time)
    {
        var gone = context.RequestAborted;
        var request = context.Request;
        if (!HttpProtocol.IsHttp2(request.Protocol) || context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody != true || gone.IsCancellationRequested) return;
        if (request.ContentType?.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase) == true) return;
        using var patience = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(gone, patience.Token);
        var buffer = ArrayPool<byte>.Shared.Rent(Piece);
        try
        {
            await context.Response.Body.FlushAsync(gone);
            while (await body.ReadAsync(buffer, either.Token) > 0)
            {
                // Nobody wants it.
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The answer is given; what Kestrel says to the client now is that no more is wanted.
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
