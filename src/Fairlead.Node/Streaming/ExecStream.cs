using System.Text.Json;
using Fairlead.Node.Runtime;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Streaming;

/// <summary>Joins the channels of a client with the streams of a process. When the client goes, the session does not stay.</summary>
/// <param name="failure">What it is called that the start did not succeed.</param>
internal sealed class ExecStream(IStreamClient client, ExecRequest request, Func<CancellationToken, Task<IExecSession>> start, string failure, ILogger log)
{
    private const int BufferBytes = 32 * 1024;

    /// <summary>How long the client may take to answer our goodbye.</summary>
    private static readonly TimeSpan Goodbye = TimeSpan.FromSeconds(1);

    private Task _receiving = Task.CompletedTask;

    public async Task RunAsync(CancellationToken aborted)
    {
        using var gone = CancellationTokenSource.CreateLinkedTokenSource(aborted);
        try
        {
            // Tells the client that the streams are there.
            await client.SendAsync(request.Output ? StreamChannel.Output : request.Error ? StreamChannel.Errors : StreamChannel.Result, default, gone.Token);
            await SendResultAsync(await RunProcessAsync(gone), gone.Token);
            await client.CloseAsync(gone.Token);
            gone.CancelAfter(Goodbye);
        }
        catch (Exception e) when (e is OperationCanceledException or System.Net.WebSockets.WebSocketException or IOException)
        {
            StreamLog.ClientGone(log, string.Join(' ', request.Command), e.Message);
            await gone.CancelAsync();
        }
        await _receiving;
    }

    private async Task<byte[]?> RunProcessAsync(CancellationTokenSource gone)
    {
        try
        {
            await using var session = await start(gone.Token);
            // A read of a pipe cannot be called off: with the process the pipes end.
            await using var kill = gone.Token.UnsafeRegister(static state => ((IExecSession)state!).Kill(), session);
            _receiving = ReceiveAsync(session, gone);
            await Task.WhenAll(
                CopyAsync(session.Output, StreamChannel.Output, request.Output || request.Tty, gone.Token),
                session.Errors is null ? Task.CompletedTask : CopyAsync(session.Errors, StreamChannel.Errors, request.Error, gone.Token));
            return ExecResult.Exited(await session.WaitAsync(gone.Token), client.HasStatus);
        }
        catch (RuntimeException e)
        {
            return ExecResult.NotStarted($"{failure}: {e.Message}", client.HasStatus);
        }
    }

    private Task SendResultAsync(byte[]? result, CancellationToken cancel) =>
        result is null ? Task.CompletedTask : client.SendAsync(StreamChannel.Result, result, cancel);

    /// <summary>Reads to the end also what nobody asked for, or the process would stand still.</summary>
    private async Task CopyAsync(Stream output, byte channel, bool wanted, CancellationToken cancel)
    {
        var buffer = new byte[BufferBytes];
        while (await output.ReadAsync(buffer, cancel) is var count and > 0)
        {
            if (wanted) await client.SendAsync(channel, buffer.AsMemory(0, count), cancel);
        }
    }

    /// <summary>Until the client says goodbye or is lost.</summary>
    private async Task ReceiveAsync(IExecSession session, CancellationTokenSource gone)
    {
        try
        {
            await client.ReceiveAsync((message, cancel) => TakeAsync(session, message, cancel), gone.Token);
            await gone.CancelAsync();
        }
        catch (OperationCanceledException)
        {
        }
    }

    private static async Task TakeAsync(IExecSession session, ChannelMessage message, CancellationToken cancel)
    {
        switch (message.Channel)
        {
            case StreamChannel.Input when session.Input is { } input:
                await WriteAsync(input, message.Bytes, cancel);
                break;
            case StreamChannel.Resize:
                if (TryParseSize(message.Bytes.Span, out var columns, out var rows)) session.Resize(columns, rows);
                break;
            case StreamChannel.Close when message.Bytes.Span is [StreamChannel.Input]:
                session.CloseInput();
                break;
            default:
                break;
        }
    }

    /// <summary>A process that closed its input, or ended, takes no more; the client is listened to all the same.</summary>
    private static async Task WriteAsync(Stream input, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        try
        {
            await input.WriteAsync(bytes, cancel);
            await input.FlushAsync(cancel);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
        }
    }

    /// <summary><c>{"Width":80,"Height":24}</c></summary>
    internal static bool TryParseSize(ReadOnlySpan<byte> json, out ushort columns, out ushort rows)
    {
        (columns, rows) = (0, 0);
        try
        {
            var reader = new Utf8JsonReader(json);
            while (reader.Read())
            {
                if (reader.TokenType != JsonTokenType.PropertyName) continue;
                var isWidth = reader.ValueTextEquals("Width"u8);
                var isHeight = reader.ValueTextEquals("Height"u8);
                if (!reader.Read() || !(isWidth || isHeight) || !reader.TryGetUInt16(out var number)) continue;
                if (isWidth) columns = number;
                else rows = number;
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return false;
        }
        return columns > 0 && rows > 0;
    }
}
