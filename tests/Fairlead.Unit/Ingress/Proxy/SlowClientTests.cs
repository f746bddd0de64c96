using System.Net.Sockets;
using System.Text;
using Fairlead.Unit.Ingress.Routes;
using Xunit;

namespace Fairlead.Unit.Ingress.Proxy;

/// <summary>Clients that hold connections by sending next to nothing (slow-loris) are told, or cut.</summary>
public sealed class SlowClientTests
{
    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: lean.example.com\r\nX-A")]
    [InlineData("GET / HT")]
    public async Task Head_ThatNeverEnds_408(string part)
    {
        await using var front = Serving();

        Assert.Equal(408, Front.Status(await front.RawAsync(part, untilClosed: true)));
    }

    [Fact]
    public async Task Head_ThatTrickles_IsGivenNoMoreTimeForIt()
    {
        await using var front = Serving();
        using var client = new TcpClient();
        await client.ConnectAsync(front.Http);
        var stream = client.GetStream();
        await stream.WriteAsync("GET / HTTP/1.1\r\nHost: a\r\nX: "u8.ToArray());
        using var over = new CancellationTokenSource();
        var trickle = TrickleAsync(stream, over.Token);

        var answer = new byte[4096];
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        var count = await stream.ReadAsync(answer, patience.Token);
        await over.CancelAsync();
        await trickle;

        Assert.StartsWith("HTTP/1.1 408 ", Encoding.ASCII.GetString(answer, 0, count), StringComparison.Ordinal);
    }

    /// <summary>The first request made the connection Kestrel's.</summary>
    [Fact]
    public async Task HeadAfterAHandover_ThatNeverEnds_EndsTheConnection()
    {
        await using var front = Serving();

        var answer = await front.RawAsync("OPTIONS / HTTP/1.1\r\nHost: kestrel.example.com\r\n\r\nGET / HTTP/1.1\r\nHost: kestrel.exam", untilClosed: true);

        Assert.Equal(["204", "408"], answer.Split("HTTP/1.1 ").Skip(1).Select(part => part[..3]));
    }

    [Fact]
    public async Task Handshake_ThatTrickles_EndsTheConnection()
    {
        await using var front = Serving();
        using var client = new TcpClient();
        await client.ConnectAsync(front.Https);
        var stream = client.GetStream();
        // The beginning of a hello, and then more of it, one byte at a time.
        await stream.WriteAsync(new byte[] { 22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3 });
        using var over = new CancellationTokenSource();
        var trickle = TrickleAsync(stream, over.Token);

        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        var ended = false;
        try
        {
            while (await stream.ReadAsync(new byte[100], patience.Token) > 0)
            {
                // An alert, if anything.
            }
            ended = true;
        }
        catch (IOException)
        {
            ended = true;
        }
        await over.CancelAsync();
        await trickle;
        Assert.True(ended);
    }

    private static async Task TrickleAsync(NetworkStream stream, CancellationToken over)
    {
        try
        {
            while (!over.IsCancellationRequested)
            {
                await stream.WriteAsync("x"u8.ToArray(), over);
                await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, over);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // It was cut.
        }
    }

    private static Front Serving()
    {
        var front = Front.Start(options => options with { HeaderTimeout = TimeSpan.FromMilliseconds(300) });
        front.Service("web", Array.Empty<Pod>()).Objects.Ingress("lean", "lean.example.com", ["Prefix /"]).Ingress("kestrel", "kestrel.example.com", ["Prefix /"], ("enable-cors", "true"));
        front.Commit();
        return front;
    }
}
