using System.Globalization;
using System.Net;

namespace Fairlead.Kube.Grpc;

/// <summary>The messages of one answer, and at their end its status.</summary>
internal sealed class GrpcAnswers : IDisposable
{
    private readonly HttpResponseMessage _response;
    private readonly Stream _body;

    private GrpcAnswers(HttpResponseMessage response, Stream body) => (_response, _body) = (response, body);

    public static async Task<GrpcAnswers> OfAsync(HttpResponseMessage response, CancellationToken cancel)
    {
        if (response.StatusCode != HttpStatusCode.OK) throw new GrpcException(GrpcCode.Unknown, $"unexpected HTTP status code {(int)response.StatusCode}");
        return new(response, await response.Content.ReadAsStreamAsync(cancel));
    }

    public void Dispose() => _body.Dispose();

    /// <summary>The next message; null where the call ended well.</summary>
    public async ValueTask<byte[]?> NextAsync(CancellationToken cancel)
    {
        try
        {
            // A refusal is told in the headers alone, and no message follows.
            Check(Header(_response.Headers));
            if (await GrpcFrame.ReadAsync(_body, cancel) is { } message) return message;
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new GrpcException(GrpcCode.Unavailable, e.Message, e);
        }
        Check(Header(_response.TrailingHeaders) ?? Header(_response.Headers) ?? (GrpcCode.Unknown, "the answer has no status"));
        return null;
    }

    private static void Check((GrpcCode Code, string Message)? status)
    {
        if (status is { Code: not GrpcCode.OK } refused) throw new GrpcException(refused.Code, refused.Message);
    }

    private static (GrpcCode Code, string Message)? Header(System.Net.Http.Headers.HttpResponseHeaders headers)
    {
        if (!headers.TryGetValues("grpc-status", out var status)) return null;
        var code = int.TryParse(status.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? (GrpcCode)number : GrpcCode.Unknown;
        return (code, headers.TryGetValues("grpc-message", out var words) ? Uri.UnescapeDataString(words.First()) : "");
    }
}
