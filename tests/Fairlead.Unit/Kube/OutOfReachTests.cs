using System.Net;
using System.Text;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Fairlead.Unit.Kube;

/// <summary>A server that cannot be reached is an HttpRequestException, however it shows, and an informer outlives all of them.</summary>
public sealed class OutOfReachTests
{
    [Fact]
    public async Task Request_WhoseConnectionNobodyAnswers_IsAnHttpRequestException()
    {
        using var client = Client(new SocketsHttpHandler
        {
            ConnectTimeout = TimeSpan.FromMilliseconds(50),
            ConnectCallback = async (_, cancel) =>
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancel);
                return Stream.Null;
            },
        });

        var failure = await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync(ApiResources.Services, "default", "a", TestContext.Current.CancellationToken));

        Assert.Contains("no connection to the server", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Request_WhoseConnectionEndsInTheBody_IsAnHttpRequestException()
    {
        using var client = Client(new Scripted(() => new StreamContent(new CutStream())));

        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync(ApiResources.Services, "default", "a", TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Request_ThatItsCallerGivesUp_IsCancelled()
    {
        using var stop = new CancellationTokenSource();
        await stop.CancelAsync();
        using var client = Client(new Scripted(() => new StringContent("{}")));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.GetAsync(ApiResources.Services, "default", "a", stop.Token));
    }

    [Fact]
    public async Task Informer_AfterFailuresOfAnyKind_ListsAndFollows()
    {
        const string List = """{"kind":"ServiceList","metadata":{"resourceVersion":"5"},"items":[{"metadata":{"name":"a","namespace":"default","resourceVersion":"4"}}]}""";
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        using var client = Client(new Scripted(
            () => throw new OperationCanceledException("connection timed out"),
            () => throw new InvalidOperationException("unforeseen"),
            () => new StringContent(List),
            () => new StreamContent(new CutStream()),
            () => new StringContent("""{"type":"ADDED","object":{"metadata":{"name":"b","namespace":"default","resourceVersion":"6"}}}""" + "\n")));
        var informer = new Informer<V1Service, string>(client, ApiResources.Services, service => service.Metadata.Name, NullLogger.Instance, TimeProvider.System);
        var second = new TaskCompletionSource();
        informer.Changed += change =>
        {
            if (change.New == "b") second.TrySetResult();
        };

        var running = informer.RunAsync(stop.Token);
        await second.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        await stop.CancelAsync();
        await running;

        Assert.Equal(["a", "b"], informer.Items.Values.Order());
    }

    private static KubeClient Client(HttpMessageHandler handler) => new(new HttpClient(handler) { BaseAddress = new Uri("http://192.0.2.1") }, "test");

    /// <summary>Answers one content after another; after the last, nothing comes any more.</summary>
    private sealed class Scripted(params Func<HttpContent>[] answers) : HttpMessageHandler
    {
        private int _next;

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (_next == answers.Length) await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
            return new HttpResponseMessage(HttpStatusCode.OK) { Content = answers[_next++]() };
        }
    }

    private sealed class CutStream : MemoryStream
    {
        private bool _isBegun;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_isBegun) throw new IOException("reset");
            _isBegun = true;
            return ValueTask.FromResult(Encoding.ASCII.GetBytes("{", buffer.Span));
        }
    }
}
