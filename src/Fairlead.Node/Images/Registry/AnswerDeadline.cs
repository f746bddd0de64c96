namespace Fairlead.Node.Images.Registry;

/// <summary>Gives up a request whose answer does not begin in time: a server that takes connections and says nothing would be waited for without end.</summary>
internal sealed class AnswerDeadline(HttpMessageHandler inner, TimeSpan longest, TimeProvider time) : DelegatingHandler(inner)
{
    /// <exception cref="HttpRequestException">It did not begin; in Go's words.</exception>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancel)
    {
        using var deadline = new CancellationTokenSource(longest, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancel);
        try
        {
            return await base.SendAsync(request, either.Token);
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            // Without the cancellation, which only tells of the deadline again.
            throw new HttpRequestException("net/http: timeout awaiting response headers");
        }
    }
}
