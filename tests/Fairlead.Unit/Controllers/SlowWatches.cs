using Fairlead.Kube.Streams;

namespace Fairlead.Unit.Controllers;

/// <summary>Lets every watch lag behind the server, so that caches are always old when controllers act.</summary>
internal sealed class SlowWatches(HttpMessageHandler inner, TimeSpan lag) : DelegatingHandler(inner)
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var response = await base.SendAsync(request, cancellationToken);
        if (request.RequestUri!.Query.Contains("watch=true", StringComparison.Ordinal))
            response.Content = new StreamContent(new SlowStream(await response.Content.ReadAsStreamAsync(cancellationToken), lag));
        return response;
    }

    private sealed class SlowStream(Stream inner, TimeSpan lag) : AsyncStream
    {
        public override bool CanRead => true;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await inner.ReadAsync(buffer, cancellationToken);
            await Task.Delay(lag, TimeProvider.System, cancellationToken);
            return read;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing) inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
