using System.Text;
using System.Threading.Channels;

namespace Fairlead.ApiServer.HTTP.Tunnels;

/// <summary>
/// The connection on which this server asks an agent for others. Lines both ways: <c>dial ID</c> and <c>ping</c> to the agent, <c>pong</c> from it.
/// </summary>
/// <param name="until">The end of the certificate by which the agent was known; null: it has none.</param>
internal sealed class ControlConnection(Stream stream, DateTime? until, TimeProvider time)
{
    private static readonly TimeSpan PingEvery = TimeSpan.FromSeconds(10), Silence = TimeSpan.FromSeconds(30);
    private readonly Channel<string> _lines = Channel.CreateUnbounded<string>(new UnboundedChannelOptions { SingleReader = true });

    /// <summary>Asks for a connection, by that name.</summary>
    public void Ask(string id) => _lines.Writer.TryWrite($"dial {id}\n");

    /// <summary>Until the agent goes, is not heard of for too long, or must show a newer certificate.</summary>
    public async Task RunAsync(CancellationToken aborted)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(aborted);
        var parts = new[] { ListenAsync(stop.Token), WriteAsync(stop.Token), PingAsync(stop.Token) };
        await Task.WhenAny(parts);
        await stop.CancelAsync();
        await Task.WhenAll(parts).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task ListenAsync(CancellationToken cancel)
    {
        var buffer = new byte[256];
        // What it says does not matter; that it does, does.
        while (await stream.ReadAsync(buffer, cancel).AsTask().WaitAsync(Silence, time, cancel) > 0)
        {
        }
    }

    private async Task PingAsync(CancellationToken cancel)
    {
        while (until is not { } end || time.GetLocalNow().DateTime < end)
        {
            _lines.Writer.TryWrite("ping\n");
            await Task.Delay(PingEvery, time, cancel);
        }
    }

    private async Task WriteAsync(CancellationToken cancel)
    {
        await foreach (var line in _lines.Reader.ReadAllAsync(cancel))
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes(line), cancel);
            await stream.FlushAsync(cancel);
        }
    }
}
